// What OpenAI's Node client, the AI SDK and LangChain JS see of `drover serve`
// over the stand-in, beyond the npm check. Environment: BASE_URL, API_KEY.
import OpenAI from 'openai';
import { generateText, streamText, embed } from 'ai';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatOpenAI } from '@langchain/openai';
import assert from 'node:assert/strict';

const baseURL = process.env.BASE_URL, apiKey = process.env.API_KEY;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const verify = { tests: 'assert add(1, 2) == 3', entry_point: 'add' };
const checks = {
  async 'openai-node: responses stream helper'() {
    const stream = client.responses.stream({ model: 'auto', input: 'Say hi' });
    let text = '';
    for await (const e of stream) if (e.type === 'response.output_text.delta') text += e.delta;
    const final = await stream.finalResponse();
    assert.equal(final.output_text, text);
    assert.ok(final.usage.cost > 0);
  },
  async 'openai-node: a cut responses stream raises'() {
    await assert.rejects(async () => { for await (const _ of await client.responses.create({ model: 'fault-cut', input: 'hi', stream: true })); }, (e) => e instanceof OpenAI.APIError && e.code === 'upstream_error');
  },
  async 'openai-node: completions stream'() {
    let text = '';
    for await (const c of await client.completions.create({ model: 'gpt-3.5-turbo-instruct', prompt: 'hi', stream: true })) text += c.choices[0].text;
    assert.ok(text);
  },
  async 'ai sdk, openai (responses)'() {
    const openai = createOpenAI({ baseURL, apiKey });
    assert.ok((await generateText({ model: openai('auto'), prompt: 'Say hi' })).text);
    let text = '';
    for await (const part of streamText({ model: openai('auto'), prompt: 'Say hi' }).textStream) text += part;
    assert.ok(text);
    assert.ok((await embed({ model: openai.embedding('text-embedding-3-small'), value: 'hi' })).embedding.length > 1);
  },
  async 'ai sdk, openai-compatible (chat, verify)'() {
    const drover = createOpenAICompatible({
      name: 'drover', baseURL, apiKey,
      metadataExtractor: { extractMetadata: async ({ parsedBody }) => ({ drover: parsedBody.verify }), createStreamExtractor: () => ({ processChunk() {}, buildMetadata: () => undefined }) },
    });
    const r = await generateText({ model: drover('auto'), prompt: 'Write add.', providerOptions: { drover: { verify } } });
    assert.ok(r.text && r.providerMetadata.drover.route);
    let text = '';
    for await (const part of streamText({ model: drover('auto'), prompt: 'Say hi' }).textStream) text += part;
    assert.ok(text);
  },
  async 'langchain js'() {
    const llm = new ChatOpenAI({ model: 'auto', apiKey, configuration: { baseURL }, modelKwargs: { verify } });
    assert.ok((await llm.invoke('Say hi')).content);
    let text = '';
    for await (const c of await new ChatOpenAI({ model: 'auto', apiKey, configuration: { baseURL } }).stream('Say hi')) text += c.content;
    assert.ok(text);
  },
};
let failed = 0;
for (const [name, f] of Object.entries(checks)) {
  try { await f(); console.log('ok  ', name); } catch (e) { failed++; console.log('FAIL', name, e); }
}
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
