{"type":"session.created","event_id":"event_001","session":{"type":"realtime","object":"realtime.session","id":"sess_C9G5QJLdV1","model":"gpt-realtime","output_modalities":["audio"],"instructions":"","tools":[],"tool_choice":"auto","max_output_tokens":"inf","expires_at":1795230000}}
---
[]
5
null
{"no":"type"}
{"type":{}}
{"type":"response.output_text.delta"}
{"type":"response.output_text.delta","delta":5}
{"type":"response.created"}
{"type":"response.done","response":[]}
{"type":"response.done","response":{"status":{}}}
{"type":"error"}
{"type":"error","error":"plain words"}
