---
{"type":"token","text":"Paris"}
{"type":"token","text":""}
{"type":"status","phase":"thinking"}
{"type":"token","text":" it is."}
{"type":"done","finish_reason":"stop","usage":{"input_tokens":9,"output_tokens":3}}
