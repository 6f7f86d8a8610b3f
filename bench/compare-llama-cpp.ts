// npm install --prefix bench && npm run fetch:smollm2 && npx tsx bench/compare-llama-cpp.ts [--write]
// SmolLM2's greedy answers through our engine against llama.cpp's (node-llama-cpp), on the file as it is
// and on its weights written out as float32. --write keeps the latter as test/golden/smollm2.json.
import { existsSync, writeFileSync } from 'node:fs';
import { type Engine, startEngine } from '../src/engine/engine.ts';
import { greedySampling } from '../src/engine/messages.ts';
import { renderChatPieces } from '../src/model/chat-template.ts';
import { type Checkpoint, readCheckpoint } from '../src/model/checkpoint.ts';
import { encodePieces } from '../src/model/prompt.ts';
import { writeCheckpointGguf } from './checkpoint-gguf.ts';

const folder = 'out/smollm2';
const checkpointDir = `${folder}/smollm2-135m-instruct`;
const files = {
  'the Q4_1 file': `${folder}/smollm2-135m-instruct.Q4_1.gguf`,
  'its weights as F32': `${folder}/smollm2-135m-instruct.F32.gguf`,
};
const golden = 'test/golden/smollm2.json';
const maxTokens = 40;
const questions = [
  'What is the capital of France?',
  'Write one sentence about the sea.',
  'List three colours.',
  'What is 2 + 2?',
  'Who wrote Romeo and Juliet?',
  'Explain gravity to a child.',
  'Translate "good morning" into Spanish.',
  'Name a fruit that is yellow.',
  'Why is the sky blue?',
  'Give me a short recipe for pancakes.',
];

/** Of node-llama-cpp, which bench/package.json installs and users never need. */
type LlamaCpp = {
  getLlama(options: object): Promise<{ loadModel(options: object): Promise<LlamaModel> }>;
};
type LlamaModel = {
  tokenize(text: string, special: boolean): number[];
  createContext(options: object): Promise<{
    getSequence(): {
      evaluate(ids: number[], options: object): AsyncIterable<number>;
      clearHistory(): Promise<void>;
    };
  }>;
};

/** Its ids, and by how much each was likelier than the next one, in nats. */
type Answer = { ids: number[]; margins: number[] };

function promptOf({ template, tokenizer, config }: Checkpoint, question: string) {
  const messages = [{ role: 'user' as const, content: question }];
  const names = { eos_token: tokenizer.tokenOf(config.eos_token_id) };
  const pieces = renderChatPieces(template, messages, tokenizer.specials, names);
  const text = pieces.map((piece) => ('text' in piece ? piece.text : piece.special)).join('');
  return { text, ids: encodePieces(tokenizer, pieces) };
}

async function ask(engine: Engine, { eosIds }: Checkpoint, promptIds: number[]): Promise<Answer> {
  const answer: Answer = { ids: [], margins: [] };
  const events = engine.submit({
    promptIds,
    suffixIds: [],
    thoughts: { kind: 'model', count: 0 },
    maxTokens,
    stopIds: eosIds,
    minTokens: 0,
    sampling: greedySampling,
    logprobs: 2,
    returnThoughts: false,
  });
  for await (const event of events) {
    if (event.kind !== 'token') continue;
    answer.ids.push(event.tokenId);
    const [first, second] = event.logprobs!.top;
    answer.margins.push(first!.logprob - second!.logprob);
  }
  return answer;
}

async function llamaAnswers(
  modelPath: string,
  prompts: { text: string; ids: number[] }[],
  end: number,
) {
  const name: string = 'node-llama-cpp';
  const { getLlama } = (await import(name)) as LlamaCpp;
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error', maxThreads: 1 });
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({ contextSize: 512, threads: 1 });
  const sequence = context.getSequence();
  const answers: number[][] = [];
  for (const { text, ids } of prompts) {
    const theirs = model.tokenize(text, true);
    if (String(theirs) !== String(ids))
      throw new Error(`llama.cpp reads ${text} as ${theirs}, we as ${ids}`);
    await sequence.clearHistory();
    const answer: number[] = [];
    for await (const id of sequence.evaluate(ids, { temperature: 0, yieldEogToken: true })) {
      if (id === end || answer.push(id) === maxTokens) break;
    }
    answers.push(answer);
  }
  return answers;
}

function report(name: string, theirs: number[][], ours: Answer[]): void {
  const partings = theirs.flatMap((ids, i) => {
    const { ids: own, margins } = ours[i]!;
    const at = own.findIndex((id, t) => id !== ids[t]);
    if (at === -1 && own.length === ids.length) return [];
    const where = at === -1 ? own.length : at;
    const margin = margins[where];
    const parting =
      margin === undefined ? 'then ours ends' : `ours leads by ${margin.toFixed(3)} nats`;
    return [`  "${questions[i]}": equal for ${where} tokens, ${parting}`];
  });
  const equal = theirs.length - partings.length;
  process.stdout.write(
    `${name}: ${equal} of ${theirs.length} answers equal\n${partings.join('\n')}\n`,
  );
}

const checkpoint = readCheckpoint(checkpointDir);
const prompts = questions.map((question) => promptOf(checkpoint, question));
const engine = startEngine(
  {
    checkpointDir,
    slots: 4,
    slotCapacity: 256,
    maxPrefillTokens: 256,
    threads: 1,
    weights: 'fp32',
    prefixCacheBytes: 0,
  },
  { queueLimit: questions.length },
);
const ours = await Promise.all(prompts.map(({ ids }) => ask(engine, checkpoint, ids)));
await engine.drain();
const f32 = files['its weights as F32'];
if (!existsSync(f32)) writeCheckpointGguf(f32, checkpointDir, 'F32');
for (const [name, path] of Object.entries(files)) {
  const theirs = await llamaAnswers(path, prompts, checkpoint.config.eos_token_id);
  report(`llama.cpp on ${name}`, theirs, ours);
  if (path !== f32 || !process.argv.includes('--write')) continue;
  const items = questions.map((question, i) => ({ question, ids: theirs[i] }));
  writeFileSync(golden, `[\n${items.map((item) => JSON.stringify(item)).join(',\n')}\n]\n`);
}
process.exit(0); // node-llama-cpp keeps threads
