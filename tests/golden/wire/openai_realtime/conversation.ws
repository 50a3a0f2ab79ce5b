{"type":"session.created","event_id":"event_001","session":{"type":"realtime","object":"realtime.session","id":"sess_C9G5QJLdV1","model":"gpt-realtime","output_modalities":["audio"],"instructions":"","tools":[],"tool_choice":"auto","max_output_tokens":"inf","expires_at":1795230000}}
{"type":"session.updated","event_id":"event_002","session":{"type":"realtime"}}
---
{"type":"conversation.item.added","event_id":"event_003","previous_item_id":null,"item":{"id":"item_1","type":"message","role":"user","content":[{"type":"input_text","text":"Which city?"}]}}
{"type":"conversation.item.done","event_id":"event_004","previous_item_id":null,"item":{"id":"item_1","type":"message"}}
{"type":"response.created","event_id":"event_005","response":{"object":"realtime.response","id":"resp_C9G8pqH58u","status":"in_progress","status_details":null,"output":[],"conversation_id":null,"output_modalities":["text"],"max_output_tokens":500,"usage":null,"metadata":null}}
{"type":"rate_limits.updated","event_id":"event_006","rate_limits":[{"name":"requests","limit":1000,"remaining":999,"reset_seconds":0.06}]}
{"type":"response.output_item.added","event_id":"event_007","response_id":"resp_C9G8pqH58u","output_index":0,"item":{"id":"item_C9G8pcBh","object":"realtime.item","type":"message","status":"in_progress","role":"assistant","content":[]}}
{"type":"response.content_part.added","event_id":"event_008","response_id":"resp_C9G8pqH58u","item_id":"item_C9G8pcBh","output_index":0,"content_index":0,"part":{"type":"output_text","text":""}}
{"type":"response.output_text.delta","event_id":"event_009","response_id":"resp_C9G8pqH58u","item_id":"item_C9G8pcBh","output_index":0,"content_index":0,"delta":"Paris"}
{"type":"response.output_text.delta","event_id":"event_010","response_id":"resp_C9G8pqH58u","item_id":"item_C9G8pcBh","output_index":0,"content_index":0,"delta":" is"}
{"type":"response.output_text.delta","event_id":"event_011","response_id":"resp_C9G8pqH58u","item_id":"item_C9G8pcBh","output_index":0,"content_index":0,"delta":" the"}
{"type":"response.output_text.delta","event_id":"event_012","response_id":"resp_C9G8pqH58u","item_id":"item_C9G8pcBh","output_index":0,"content_index":0,"delta":" capital"}
{"type":"response.output_text.delta","event_id":"event_013","response_id":"resp_C9G8pqH58u","item_id":"item_C9G8pcBh","output_index":0,"content_index":0,"delta":"."}
{"type":"response.output_text.done","event_id":"event_014","response_id":"resp_C9G8pqH58u","item_id":"item_C9G8pcBh","output_index":0,"content_index":0,"text":"Paris is the capital."}
{"type":"response.content_part.done","event_id":"event_015","response_id":"resp_C9G8pqH58u","item_id":"item_C9G8pcBh","output_index":0,"content_index":0,"part":{"type":"output_text","text":"…"}}
{"type":"response.output_item.done","event_id":"event_016","response_id":"resp_C9G8pqH58u","output_index":0,"item":{"id":"item_C9G8pcBh","object":"realtime.item","type":"message","status":"completed","role":"assistant","content":[]}}
{"type":"response.done","event_id":"event_017","response":{"object":"realtime.response","id":"resp_C9G8pqH58u","status":"completed","status_details":null,"output":[],"conversation_id":null,"output_modalities":["text"],"max_output_tokens":500,"usage":{"total_tokens":97,"input_tokens":85,"output_tokens":12,"input_token_details":{"text_tokens":85,"audio_tokens":0,"image_tokens":0,"cached_tokens":64},"output_token_details":{"text_tokens":12,"audio_tokens":0}},"metadata":null}}
