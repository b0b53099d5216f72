def measure(a,b,c): return {"picket":{},"reference":{}}
