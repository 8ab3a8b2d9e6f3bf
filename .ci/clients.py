"""What OpenAI's Python client and LangChain see of `drover serve` over the stand-in.

Environment: BASE_URL, API_KEY; SCHEMA, the path of OpenAI's schema, where it is
there. Prints one line a check, then "N passed, N failed".
"""

import json
import os
import sys
import traceback

import httpx
import openai
from openai import OpenAI

BASE, KEY, SCHEMA = os.environ["BASE_URL"], os.environ["API_KEY"], os.environ.get("SCHEMA", "")
HI = [{"role": "user", "content": "Reply with the single word: hello"}]
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}}}]
FORCE = {"type": "function", "function": {"name": "get_weather"}}
ADD = {"tests": "assert add(1, 2) == 3", "entry_point": "add"}

attempts = []
client = OpenAI(base_url=BASE, api_key=KEY, max_retries=2, timeout=60,
                http_client=httpx.Client(event_hooks={"request": [attempts.append]}, timeout=60))
checks = []


def check(f):
    checks.append(f)
    return f


def raises(kind, f):
    try:
        f()
    except kind as e:
        return e
    raise AssertionError(f"no {kind.__name__}")


@check
def chat():
    c = client.chat.completions.create(model="auto", messages=HI)
    assert c.choices[0].message.content and c.choices[0].message.refusal is None and c.usage.total_tokens > 0
    assert c.usage.cost > 0 and c.verify["route"] == "direct" and c._request_id


@check
def chat_stream():
    chunks = list(client.chat.completions.create(model="auto", messages=HI, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert chunks[-1].usage.cost > 0 and chunks[-1].verify["route"] == "direct" and not chunks[-1].choices
    assert sum(1 for c in chunks for x in c.choices if x.finish_reason) == 1


@check
def stream_helper():
    with client.chat.completions.stream(model="auto", messages=HI) as s:
        text = "".join(e.delta for e in s if e.type == "content.delta")
        final = s.get_final_completion()
    assert final.choices[0].message.content == text and final.choices[0].message.role == "assistant"


@check
def stream_helper_tools():
    with client.chat.completions.stream(model="auto", messages=HI, tools=TOOLS, tool_choice=FORCE) as s:
        final = s.get_final_completion()
    call = final.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather" and "city" in json.loads(call.function.arguments) and call.id


@check
def stream_helper_several():
    with client.chat.completions.stream(model="auto", messages=HI, n=2) as s:
        final = s.get_final_completion()
    assert len(final.choices) == 2 and all(c.message.content for c in final.choices)


@check
def parse_schema():
    from pydantic import BaseModel

    class Colour(BaseModel):
        colour: str

    c = client.chat.completions.parse(model="auto", messages=HI, response_format=Colour)
    assert isinstance(c.choices[0].message.parsed, Colour)


@check
def everything_at_once():
    c = client.chat.completions.create(
        model="auto", messages=[{"role": "developer", "content": "Be brief."}, *HI], logprobs=True, top_logprobs=2, seed=1, stop=["ZZZ"],
        reasoning_effort="low", metadata={"a": "b"}, store=False, service_tier="auto", user="u", prompt_cache_key="k", logit_bias={},
        prediction={"type": "content", "content": "hello"}, extra_body={"unknown": {"a": [1]}, "top_p": None})
    assert c.choices[0].logprobs.content and any(w.startswith("reasoning_effort") for w in c.verify["warnings"])


@check
def images_and_audio():
    for part in ({"type": "image_url", "image_url": {"url": "https://images.example/a.png"}},
                 {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}},
                 {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                 {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}}):
        c = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}])
        assert c.choices[0].message.content and c.verify["reason"] == "multimodal"


@check
def verify():
    c = client.chat.completions.create(model="auto", messages=HI, extra_body={"verify": ADD})
    assert c.verify["reason"] in ("tests_given", "runner_down") and c.verify["tests"]["source"] == "field"
    e = raises(openai.BadRequestError, lambda: client.chat.completions.create(model="auto", messages=HI, extra_body={"verify": {"framework": "x"}}))
    assert e.param.startswith("verify")


@check
def responses():
    raw = client.responses.with_raw_response.create(model="auto", input="Say hi", extra_body={"verify": ADD})
    r = raw.parse()
    assert r.output_text and r.status == "completed" and r.usage.cost > 0 and "verify" in raw.headers["x-drover-warnings"]


@check
def responses_stream():
    events = list(client.responses.create(model="auto", input="Say hi", stream=True))
    assert [e.sequence_number for e in events] == list(range(len(events))) and events[0].type == "response.created"
    assert events[-1].type == "response.completed" and events[-1].response.output_text and events[-1].response.usage.cost > 0
    with client.responses.stream(model="auto", input="Say hi") as s:
        s.until_done()
        assert s.get_final_response().output_text


@check
def responses_cut():
    e = raises(openai.APIError, lambda: list(client.responses.create(model="fault-cut", input="Say hi", stream=True)))
    assert e.code == "upstream_error", e


@check
def responses_unknown_model():
    e = raises(openai.BadRequestError, lambda: client.responses.create(model="nope", input="hi"))
    assert e.code == "model_not_found" and e.param == "model"


@check
def completions():
    c = client.completions.create(model="gpt-3.5-turbo-instruct", prompt=["Say hi", "Say ho"], max_tokens=4, n=2)
    assert len(c.choices) == 4 and c.usage.cost > 0
    chunks = list(client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Say hi", stream=True))
    assert "".join(x.text for c in chunks for x in c.choices)


@check
def embeddings():
    packed = client.embeddings.create(model="text-embedding-3-small", input=["a", "b"])
    plain = client.embeddings.create(model="text-embedding-3-small", input=["a", "b"], encoding_format="float")
    assert all(abs(x - y) < 1e-6 for x, y in zip(packed.data[1].embedding, plain.data[1].embedding)) and plain.usage.cost > 0
    assert client.embeddings.create(model="text-embedding-3-small", input=[[1, 2, 3], [4]]).data[1].index == 1


@check
def models():
    assert "auto" in [m.id for m in client.models.list()] and client.models.retrieve("auto").id == "auto"
    raises(openai.NotFoundError, lambda: client.models.retrieve("nope"))


@check
def wrong_key():
    other = OpenAI(base_url=BASE, api_key="drv-wrong-secret-0000", max_retries=2)
    e = raises(openai.AuthenticationError, lambda: other.chat.completions.create(model="auto", messages=HI))
    assert e.code == "invalid_api_key" and "secret" not in str(e)


@check
def quota_is_not_retried():
    attempts.clear()
    e = raises(openai.RateLimitError, lambda: client.chat.completions.create(model="fault-quota", messages=HI))
    assert e.code == "insufficient_quota" and len(attempts) == 1, attempts


@check
def cut_stream():
    e = raises(openai.APIError, lambda: list(client.chat.completions.create(model="fault-cut", messages=HI, stream=True)))
    assert e.code == "upstream_error" and e.type == "server_error"


@check
def timeout_is_an_error():
    hurried = client.with_options(timeout=2, max_retries=0)
    e = raises(openai.APIError, lambda: hurried.chat.completions.create(model="fault-timeout", messages=HI))
    assert getattr(e, "status_code", None) == 504, repr(e)


@check
def gzip_request():
    import gzip
    r = httpx.post(BASE + "/chat/completions", content=gzip.compress(json.dumps({"model": "auto", "messages": HI}).encode()),
                   headers={"Authorization": "Bearer " + KEY, "Content-Encoding": "gzip"}, timeout=60)
    assert r.status_code == 200, r.text


@check
def schema():
    if not os.path.exists(SCHEMA):
        print("# OpenAI's schema is not here")
        return
    import jsonschema
    document = json.load(open(SCHEMA))
    kinds = {name: jsonschema.Draft202012Validator({"$ref": "#/$defs/" + name, "$defs": document["$defs"]})
             for name in ("ChatResponse", "ChatChunk", "ErrorResponse", "ResponsesResponse", "ResponsesEvent")}
    asked = [{}, {"n": 2}, {"tools": TOOLS, "tool_choice": FORCE}, {"logprobs": True, "top_logprobs": 2}, {"max_tokens": 3}, {"verify": ADD},
             {"response_format": {"type": "json_object"}}, {"model": "llama-3.1-8b"}, {"model": "fault-llama"}, {"model": "fault-nousage"},
             {"model": "fault-cut"}, {"model": "fault-500"}]
    seen = 0
    for extra in asked:
        for stream in (False, True):
            for path, body, whole, event in (("/chat/completions", {"model": "auto", "messages": HI, **extra}, "ChatResponse", "ChatChunk"),
                                             ("/responses", {"model": extra.get("model", "gpt-4o"), "input": "hi"}, "ResponsesResponse", "ResponsesEvent")):
                if stream:
                    body["stream"] = True
                if stream and "messages" in body:
                    body["stream_options"] = {"include_usage": True}
                r = httpx.post(BASE + path, json=body, headers={"Authorization": "Bearer " + KEY}, timeout=60)
                lines = [line[6:] for line in r.text.splitlines() if line.startswith("data: {")] if stream and r.status_code == 200 else [r.text]
                for line in lines:
                    kind = whole if not stream else event
                    value = json.loads(line)
                    if "error" in value and ("choices" not in value and value.get("object") != "response" and "response" not in value):
                        kind, value = "ErrorResponse", {"error": value["error"]}
                    errors = [e.message[:200] for e in kinds[kind].iter_errors(value)]
                    assert not errors, (body, kind, errors, line[:500])
                    seen += 1
    assert seen > 100, seen


@check
def langchain():
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings
    llm = ChatOpenAI(model="auto", base_url=BASE, api_key=KEY, extra_body={"verify": ADD}, include_response_headers=True)
    reply = llm.invoke("Say hi")
    assert reply.content and reply.response_metadata["headers"]["x-drover-cost-usd"]
    assert "".join(c.content for c in ChatOpenAI(model="auto", base_url=BASE, api_key=KEY, stream_usage=True).stream("Say hi"))
    assert ChatOpenAI(model="auto", base_url=BASE, api_key=KEY, use_responses_api=True).invoke("Say hi").text
    assert len(OpenAIEmbeddings(model="text-embedding-3-small", base_url=BASE, api_key=KEY, check_embedding_ctx_length=False).embed_query("hi")) > 1


failed = 0
print(f"# {BASE} openai-python {openai.__version__}")
for f in checks:
    try:
        f()
        print("ok  ", f.__name__)
    except Exception:
        failed += 1
        print("FAIL", f.__name__)
        traceback.print_exc(limit=-3, file=sys.stdout)
print(f"{len(checks) - failed} passed, {failed} failed")
sys.exit(1 if failed else 0)
