import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lastQuestionTemplate } from '../../src/model/chat-template.ts';
import { readCheckpoint, readWeights } from '../../src/model/checkpoint.ts';
import { CheckpointError } from '../../src/model/checkpoint-files.ts';
import {
  type CheckpointParts,
  writeCheckpoint,
  writeEvalReport,
} from '../../src/model/checkpoint-writer.ts';
import {
  type FloatTensor,
  readHeader,
  readTensors,
  writeSafetensors,
} from '../../src/model/safetensors.ts';
import { byteTokenizerJson } from '../support/byte-tokenizer.ts';
import { evalReportOf } from '../support/eval-reports.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import {
  tinyConfig,
  tinySpecials,
  tinyWeights,
  writeTinyCheckpoint,
} from '../support/tiny-model.ts';

function tinyCheckpoint(): string {
  const dir = join(temporaryDirectory(), 'tiny');
  writeTinyCheckpoint(dir, { seed: 1, method: 'coconut' });
  return dir;
}

function tinyParts(): CheckpointParts {
  const config = tinyConfig('coconut');
  return {
    config,
    weights: tinyWeights(config, 2),
    tokenizerJson: byteTokenizerJson(tinySpecials),
    chatTemplate: lastQuestionTemplate,
    training: { run: 'other' },
    evalReport: null,
  };
}

const bytesOf = (dir: string) =>
  new Map(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name), 'hex')]));

describe('round trip', () => {
  it('reads back what was written, and writes the same bytes from it', () => {
    const dir = tinyCheckpoint();
    const checkpoint = readCheckpoint(dir);
    expect(checkpoint.id).toBe('tiny');
    expect(checkpoint.config).toEqual(tinyConfig('coconut'));
    expect(checkpoint.generationConfig.temperature).toBe(0);
    expect(checkpoint.evalReport).toBeNull();
    expect(checkpoint.tokenizer.specialId('<bot>')).toBe(checkpoint.config.coconut.bot_token_id);
    const weights = readWeights(checkpoint);
    expect(weights).toEqual(tinyWeights(checkpoint.config, 1));
    const copy = join(temporaryDirectory(), 'tiny');
    writeCheckpoint(copy, {
      config: checkpoint.config,
      weights,
      tokenizerJson: JSON.parse(readFileSync(join(dir, 'tokenizer.json'), 'utf8')),
      chatTemplate: checkpoint.chatTemplate,
      training: checkpoint.training,
      evalReport: checkpoint.evalReport,
    });
    expect(bytesOf(copy)).toEqual(bytesOf(dir));
    expect(readCheckpoint(copy).sha256).toBe(checkpoint.sha256);
    expect(checkpoint.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it('leaves nothing beside the directory', () => {
    const dir = tinyCheckpoint();
    writeCheckpoint(dir, tinyParts());
    expect(readdirSync(join(dir, '..'))).toEqual(['tiny']);
    expect(readCheckpoint(dir).training).toEqual({ run: 'other' });
  });
});

describe('writing is all or nothing', () => {
  it.each([
    ['NaN', Number.NaN, /"transformer\.ln_f\.bias" is NaN at index 5 of 16/],
    ['infinity', -Infinity, /is -Infinity at index 5/],
  ])('a weight that is %s keeps the old checkpoint', (_, value, message) => {
    const dir = tinyCheckpoint();
    const before = bytesOf(dir);
    const parts = tinyParts();
    parts.weights.get('transformer.ln_f.bias')?.set([value], 5);
    expect(() => writeCheckpoint(dir, parts)).toThrow(message);
    expect(bytesOf(dir)).toEqual(before);
    expect(readdirSync(join(dir, '..'))).toEqual(['tiny']);
  });

  it('missing weights and unfit markers are refused', () => {
    const dir = tinyCheckpoint();
    const parts = tinyParts();
    const weights = tinyWeights(parts.config, 2);
    weights.delete('transformer.wpe.weight');
    expect(() => writeCheckpoint(dir, { ...parts, weights })).toThrow(/"transformer.wpe.weight"/);
    const config = { ...parts.config, eos_token_id: 97 };
    expect(() => writeCheckpoint(dir, { ...parts, config })).toThrow(/eos_token_id 97 .*"a"/);
  });

  it('a crash between the two renames leaves the old one readable and replaceable', () => {
    const dir = tinyCheckpoint();
    renameSync(dir, `${dir}.previous`);
    mkdirSync(`${dir}.partial`);
    writeFileSync(join(`${dir}.partial`, 'config.json'), '{');
    expect(readCheckpoint(dir).id).toBe(basename(dir));
    writeCheckpoint(dir, tinyParts());
    expect(readCheckpoint(dir).training).toEqual({ run: 'other' });
    expect(existsSync(`${dir}.previous`)).toBe(false);
  });
});

type Damage = (dir: string) => void;

const edit =
  (name: string, changes: object): Damage =>
  (dir) => {
    const path = join(dir, name);
    const json = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...json, ...changes }));
  };
const editCoconut = (changes: object) =>
  edit('config.json', { coconut: { ...tinyConfig('coconut').coconut, ...changes } });
const overwrite =
  (name: string, content: string): Damage =>
  (dir) =>
    writeFileSync(join(dir, name), content);
const editTensors =
  (change: (tensors: Map<string, FloatTensor>) => void): Damage =>
  (dir) => {
    const path = join(dir, 'model.safetensors');
    const header = readHeader(path);
    const tensors = new Map<string, FloatTensor>();
    for (const [name, data] of readTensors(path, header)) {
      tensors.set(name, { shape: header.tensors.get(name)?.shape ?? [], data });
    }
    change(tensors);
    writeSafetensors(path, tensors, {});
  };
const cutWeights: Damage = (dir) => {
  const path = join(dir, 'model.safetensors');
  writeFileSync(path, readFileSync(path).subarray(0, -4));
};

const relabelAsIntegers: Damage = (dir) => {
  const path = join(dir, 'model.safetensors');
  writeFileSync(path, readFileSync(path, 'latin1').replace('"F32"', '"I32"'), 'latin1');
};

describe('a checkpoint that cannot be served is refused, naming file and numbers', () => {
  it.each([
    'config.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
    'generation_config.json',
    'training.json',
  ])('no %s', (name) => {
    const dir = tinyCheckpoint();
    rmSync(join(dir, name));
    expect(() => readCheckpoint(dir)).toThrow(`${join(dir, name)}: file is missing`);
  });

  const weights = 'model.safetensors';
  const cases: [what: string, damage: Damage, file: string, message: RegExp][] = [
    ['JSON cut off', overwrite('config.json', '{"a'), 'config.json', /JSON/],
    ['wrong type', edit('config.json', { n_layer: 'two' }), 'config.json', /n_layer: /],
    ['odd heads', edit('config.json', { n_head: 3 }), 'config.json', /n_embd 16 .* n_head 3/],
    ['vocabulary', edit('config.json', { vocab_size: 300 }), 'tokenizer.json', /260 tokens.* 300/],
    ['text as marker', editCoconut({ bot_token_id: 98 }), 'tokenizer.json', /bot_.* 98 .*"b"/],
    ['one marker twice', editCoconut({ bot_token_id: 258 }), 'tokenizer.json', /both 258/],
    ['more layers', edit('config.json', { n_layer: 3 }), weights, /h\.2\.ln_1\.weight" is missing/],
    ['positions', edit('config.json', { n_positions: 128 }), weights, /\[256,16\].*\[128,16\]/],
    ['wrong dtype', relabelAsIntegers, weights, /"transformer\.wte\.weight" is I32/],
    ['weights cut off', cutWeights, weights, /ends at byte/],
    [
      'tensor too many',
      editTensors((tensors) => tensors.set('lm_head', { shape: [0], data: new Float32Array() })),
      weights,
      /"lm_head" is none of the 28/,
    ],
    [
      'transposed tensor',
      editTensors((tensors) => tensors.get('transformer.h.0.mlp.c_fc.weight')?.shape.reverse()),
      weights,
      /c_fc\.weight" is \[64,16\].*\[16,64\]/,
    ],
    [
      'broken template',
      edit('tokenizer_config.json', { chat_template: '{% if' }),
      'tokenizer_config.json',
      /chat template: /,
    ],
    [
      'no template',
      edit('tokenizer_config.json', { chat_template: null }),
      'tokenizer_config.json',
      /chat_template: /,
    ],
    [
      'temperature',
      edit('generation_config.json', { temperature: -1 }),
      'generation_config.json',
      /temperature: /,
    ],
    ['figures of no known form', overwrite('eval.json', '{"x": 1}'), 'eval.json', /date: /],
  ];
  it.each(cases)('%s', (_, damage, file, message) => {
    const dir = tinyCheckpoint();
    damage(dir);
    const read = () => readCheckpoint(dir);
    expect(read).toThrow(CheckpointError);
    expect(read).toThrow(message);
    expect(read).toThrow(join(dir, file));
  });

  it('NaN, when the weights are read', () => {
    const dir = tinyCheckpoint();
    const name = 'transformer.wte.weight';
    editTensors((tensors) => tensors.get(name)?.data.set([Number.NaN], 100))(dir);
    const checkpoint = readCheckpoint(dir);
    expect(() => readWeights(checkpoint)).toThrow(`"${name}" is NaN at index 100 of 4160`);
  });
});

describe('figures', () => {
  it('are put beside the weights they were measured with, and into the model card', () => {
    const dir = tinyCheckpoint();
    const checkpoint = readCheckpoint(dir);
    const report = evalReportOf(checkpoint.sha256);
    writeEvalReport(checkpoint, report);
    expect(readCheckpoint(dir).evalReport).toEqual(report);
    expect(readFileSync(join(dir, 'README.md'), 'utf8')).toContain('97.0%');
    const stale = evalReportOf('0'.repeat(64));
    expect(() => writeEvalReport(checkpoint, stale)).toThrow(/figures of 0{64}/);
    expect(readCheckpoint(dir).evalReport).toEqual(report);
  });
});
