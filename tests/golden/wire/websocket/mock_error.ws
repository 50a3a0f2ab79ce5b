---
{"type":"token","text":"Par"}
{"type":"error","message":"Upstream lost.","code":502}
