// Both ends of the protocol on grpc-go, as protoc makes them of spec/agent_v2.proto.
//
//	peer agent unix:PATH    blocks what has x-block: yes, until it is ended
//	peer proxy unix:PATH    asks an agent in each way, and prints what it answers, one line each
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	pb "picket/interop/pb"
)

// ---- an agent

type service struct {
	pb.UnimplementedAgentServiceV2Server
}

func hello() *pb.AgentToProxy {
	return &pb.AgentToProxy{Message: &pb.AgentToProxy_Handshake{Handshake: &pb.HandshakeResponse{
		ProtocolVersion: 2, Success: true,
		Capabilities: &pb.AgentCapabilities{ProtocolVersion: 2, AgentId: "go", Name: "go", Version: "1", SupportedEvents: []int32{1},
			Features: &pb.AgentFeatures{ConcurrentRequests: 100},
			Limits:   &pb.AgentLimits{MaxBodySize: 1 << 20, MaxConcurrency: 100, PreferredChunkSize: 65536}},
	}}}
}

func allow(id string) *pb.AgentToProxy {
	return &pb.AgentToProxy{Message: &pb.AgentToProxy_Response{Response: &pb.AgentResponse{
		CorrelationId: id, Decision: &pb.AgentResponse_Allow{Allow: &pb.AllowDecision{}}}}}
}

func judge(event *pb.RequestHeadersEvent) *pb.AgentToProxy {
	answer := allow(event.Metadata.CorrelationId)
	for _, header := range event.Headers {
		if header.Name == "x-block" && header.Value == "yes" {
			answer.GetResponse().Decision = &pb.AgentResponse_Block{Block: &pb.BlockDecision{Status: 403}}
		}
	}
	return answer
}

// What is answered to a message; nil: nothing.
func answer(message *pb.ProxyToAgent) *pb.AgentToProxy {
	switch said := message.Message.(type) {
	case *pb.ProxyToAgent_Handshake:
		return hello()
	case *pb.ProxyToAgent_RequestHeaders:
		return judge(said.RequestHeaders)
	case *pb.ProxyToAgent_RequestComplete:
		fmt.Println("complete")
		return allow(said.RequestComplete.CorrelationId)
	case *pb.ProxyToAgent_Ping:
		return &pb.AgentToProxy{Message: &pb.AgentToProxy_Pong{Pong: &pb.Pong{Sequence: said.Ping.Sequence, PingTimestampMs: said.Ping.TimestampMs}}}
	}
	return nil
}

func (service) ProcessStream(stream pb.AgentServiceV2_ProcessStreamServer) error {
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if reply := answer(message); reply != nil {
			if err := stream.Send(reply); err != nil {
				return err
			}
		}
	}
}

func (service) ProcessEvent(_ context.Context, event *pb.ProxyToAgent) (*pb.AgentToProxy, error) {
	if reply := answer(event); reply != nil {
		return reply, nil
	}
	return nil, status.Error(codes.InvalidArgument, "no event")
}

func (service) ControlStream(stream pb.AgentServiceV2_ControlStreamServer) error {
	for {
		said, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if update := said.GetConfigUpdate(); update != nil {
			reply := &pb.ProxyControl{Message: &pb.ProxyControl_ConfigResponse{ConfigResponse: &pb.ConfigUpdateResponse{RequestId: update.RequestId}}}
			if err := stream.Send(reply); err != nil {
				return err
			}
		}
	}
}

func serve(address string) error {
	listener, err := net.Listen("unix", strings.TrimPrefix(address, "unix:"))
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	pb.RegisterAgentServiceV2Server(server, service{})
	fmt.Println("serves")
	return server.Serve(listener)
}

// ---- a proxy

func head(name string, blocked bool) *pb.ProxyToAgent {
	value := map[bool]string{true: "yes", false: "no"}[blocked]
	return &pb.ProxyToAgent{Message: &pb.ProxyToAgent_RequestHeaders{RequestHeaders: &pb.RequestHeadersEvent{
		Metadata: &pb.RequestMetadata{CorrelationId: name, RequestId: name, ClientIp: "192.0.2.1", Protocol: "HTTP/1.1", TimestampMs: 1},
		Method:   "GET", Uri: "/", HttpVersion: "1.1", Headers: []*pb.Header{{Name: "x-block", Value: value}}}}}
}

func decision(message *pb.AgentToProxy) string {
	switch message.GetResponse().GetDecision().(type) {
	case *pb.AgentResponse_Allow:
		return "allow"
	case *pb.AgentResponse_Block:
		return "block"
	}
	return "none"
}

func askOnAStream(ctx context.Context, agent pb.AgentServiceV2Client) error {
	stream, err := agent.ProcessStream(ctx)
	if err != nil {
		return err
	}
	greeting := &pb.ProxyToAgent{Message: &pb.ProxyToAgent_Handshake{Handshake: &pb.HandshakeRequest{
		SupportedVersions: []uint32{2, 1}, ProxyId: "go", ProxyVersion: "1", ConfigJson: "{}"}}}
	for _, message := range []*pb.ProxyToAgent{greeting, head("first", false), head("second", true)} {
		if err := stream.Send(message); err != nil {
			return err
		}
	}
	said, err := stream.Recv()
	if err != nil {
		return err
	}
	fmt.Println("handshake", said.GetHandshake().GetSuccess())
	for range 2 {
		if said, err = stream.Recv(); err != nil {
			return err
		}
		fmt.Println(said.GetResponse().GetCorrelationId(), decision(said))
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	_, err = stream.Recv()
	fmt.Println("end", errors.Is(err, io.EOF))
	return nil
}

func askOne(ctx context.Context, agent pb.AgentServiceV2Client) error {
	for _, blocked := range []bool{false, true} {
		said, err := agent.ProcessEvent(ctx, head("one", blocked))
		if err != nil {
			return err
		}
		fmt.Println("event", said.GetResponse().GetCorrelationId(), decision(said))
	}
	return nil
}

func hearControl(ctx context.Context, agent pb.AgentServiceV2Client) error {
	stream, err := agent.ControlStream(ctx)
	if err != nil {
		return err
	}
	update := &pb.ConfigUpdateRequest{RequestId: "mine", Update: &pb.ConfigUpdateRequest_RequestReload{RequestReload: &pb.RequestReload{}}}
	if err := stream.Send(&pb.AgentControl{Message: &pb.AgentControl_ConfigUpdate{ConfigUpdate: update}}); err != nil {
		return err
	}
	heard, err := stream.Recv()
	if err != nil {
		return err
	}
	fmt.Println("control", heard.GetConfigResponse().GetRequestId(), heard.GetConfigResponse().GetAccepted())
	return stream.CloseSend()
}

func ask(address string) error {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	agent := pb.NewAgentServiceV2Client(connection)
	for _, way := range []func(context.Context, pb.AgentServiceV2Client) error{askOnAStream, askOne, hearControl} {
		if err := way(context.Background(), agent); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: peer agent|proxy unix:PATH")
	}
	run := map[string]func(string) error{"agent": serve, "proxy": ask}[os.Args[1]]
	if run == nil {
		log.Fatal("usage: peer agent|proxy unix:PATH")
	}
	if err := run(os.Args[2]); err != nil {
		log.Fatal(err)
	}
}
