// A peer of Picket's gateway on npm's ws (Debian: node-ws). `server`: echoes, and says its port. `client PORT`: talks to an echo behind the gateway.
const { WebSocket, WebSocketServer } = require("ws");

const said = ["hello", "gr\u00fc\u00dfe \u20ac", "", "x".repeat(200000), Buffer.from([0, 255, 1])];

function serve() {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: true });
  server.on("connection", (peer) => peer.on("message", (data, isBinary) => peer.send(data, { binary: isBinary })));
  server.on("listening", () => console.log(`port ${server.address().port}`));
}

function talk(port) {
  const peer = new WebSocket(`ws://127.0.0.1:${port}/chat`);
  let heard = 0;
  const next = () => (heard === said.length ? peer.ping("there?") : peer.send(said[heard]));
  peer.on("open", next);
  peer.on("message", (data, isBinary) => {
    const wanted = said[heard];
    if (isBinary !== Buffer.isBuffer(wanted) || !data.equals(Buffer.from(wanted))) throw new Error(`message ${heard} is another one`);
    heard += 1;
    next();
  });
  peer.on("pong", (data) => {
    if (data.toString() !== "there?") throw new Error("another pong");
    peer.close(1000, "done");
  });
  peer.on("close", (code) => console.log(`${heard} messages, extensions '${peer.extensions}', closed ${code}`));
}

if (process.argv[2] === "server") serve();
else talk(process.argv[3]);
