// The README.md of a checkpoint: a pure function of what the other files say. It states figures
// only where eval.json has them.
import type { BaseReference } from './adapter.ts';
import type { EvalReport, EvalRun } from './eval-report.ts';
import { type CoconutConfig, dimensionsOf, type ModelConfig } from './model-config.ts';
import { parameterCount } from './parameters.ts';

export type CardSource = {
  id: string;
  config: ModelConfig;
  training: Record<string, unknown>;
  evalReport: EvalReport | null;
  /** Of an adapter, which is no model without it. */
  base?: BaseReference;
};

/** Markdown with the front matter that Hugging Face's hub reads. */
export function modelCard(source: CardSource): string {
  const { id, config, training, evalReport, base } = source;
  const sections = [
    frontMatter(source),
    `# ${id}\n\n${base ? `${adapterOf(base)}\n\n` : ''}${summary(config, training)}`,
    `## How it reasons\n\n${reasoning(config.coconut, isImported(training))}`,
    `## How it was trained\n\n${trainingTable(training)}`,
    `## Figures\n\n${evalReport === null ? 'Not measured yet.' : figures(evalReport)}`,
    `## Serve it\n\n${serving(source)}`,
  ];
  return `${sections.join('\n\n')}\n`;
}

function frontMatter({ id, config, training, evalReport: report }: CardSource): string {
  const lines = [
    ...(isImported(training) ? [] : ['license: mit']),
    'library_name: coconut-serve',
    'pipeline_tag: text-generation',
    `tags: [coconut, latent-reasoning, ${config.model_type}]`,
  ];
  if (report !== null) {
    const name = JSON.stringify(report.data.name);
    lines.push(
      'model-index:',
      `  - name: ${JSON.stringify(id)}`,
      '    results:',
      '      - task: { type: text-generation }',
      `        dataset: { name: ${name}, type: ${name} }`,
      '        metrics:',
      `          - { type: accuracy, value: ${report.as_trained.accuracy} }`,
    );
  }
  return ['---', ...lines, '---'].join('\n');
}

/** Its licence and what it can do are its authors' to state. */
function isImported(training: CardSource['training']): boolean {
  return 'imported' in training;
}

function summary(config: ModelConfig, training: CardSource['training']): string {
  const { layers, width, heads, positions, vocab } = dimensionsOf(config);
  const kind = config.model_type === 'gpt2' ? 'GPT-2' : 'Llama';
  const millions = (parameterCount(config) / 1e6).toFixed(2);
  const origin = isImported(training)
    ? 'Imported from another format, not trained here; its own licence holds.'
    : `Trained by coconut-serve with method\n\`${config.coconut.method}\`. It answers the kind of question it was trained on and nothing else.`;
  return [
    `A ${kind} of ${millions} million parameters: ${layers} layers, width ${width}, ${heads} heads,`,
    `${positions} positions, ${vocab} tokens. ${origin}`,
    ...(config.torch_dtype === 'float16'
      ? ['Its weights are kept in half precision (float16).']
      : []),
  ].join('\n');
}

function adapterOf({ path, sha256 }: BaseReference): string {
  return [
    `A low-rank adapter (LoRA), trained over \`${path}\` (weights of sha256`,
    `\`${sha256}\`) and no model without it. Together they are:`,
  ].join('\n');
}

function reasoning(coconut: CoconutConfig, imported: boolean): string {
  const { filler, thoughts_per_step, max_stage, default_thoughts, supervision, stop_head } =
    coconut;
  const { word_steps } = coconut;
  switch (filler) {
    case 'none':
      return 'In text, if at all: there is nothing between the question and the generated tokens.';
    case 'pause':
      return `After the question it reads ${default_thoughts} pause tokens, then answers.`;
    case 'pause-pass':
      return `A control: between \`<bot>\` and \`<eot>\` it reads ${default_thoughts} pause tokens, each in a pass of its own in training.`;
    case 'zero':
      return `A control: between \`<bot>\` and \`<eot>\` zeros are the input ${default_thoughts} times, in place of thoughts.`;
    case 'thought': {
      const usual = `Unless a request says otherwise it takes ${countOf(default_thoughts)}.`;
      const method = [
        'In continuous thoughts (Coconut, arXiv 2412.06769): between `<bot>` and `<eot>` the hidden',
        'state of one position is the input of the next, and no token is sampled.',
        ...(imported
          ? [usual]
          : [
              `Its curriculum has ${max_stage} stages, each replacing one reasoning step by`,
              `${countOf(thoughts_per_step)}. ${usual}`,
            ]),
        ...(word_steps > 0
          ? [
              `It writes its first reasoning ${word_steps === 1 ? 'step' : `${word_steps} steps`}, then \`<bot>\` itself.`,
            ]
          : []),
        ...(stop_head
          ? ['A trained head on the thought ends the thinking earlier where it sees fit.']
          : []),
      ].join('\n');
      if (supervision === 'none') return method;
      if (supervision === 'decoder')
        return `${method}\n\nThis is the step-supervised variant (SIM-CoT), not plain Coconut: in training a second\ndecoder wrote each reasoning step out from its thoughts.`;
      return `${method}\n\nThis is the step-supervised variant, not plain Coconut: each thought was also\ntrained to spell out the search frontier at its depth.`;
    }
  }
}

function countOf(thoughts: number): string {
  return thoughts === 1 ? '1 thought' : `${thoughts} thoughts`;
}

function trainingTable(training: Record<string, unknown>): string {
  const rows = Object.entries(training)
    .filter(([, value]) => value === null || typeof value !== 'object')
    .map(([name, value]) => `| ${name} | ${String(value).replaceAll('|', '\\|')} |`);
  const table = rows.length === 0 ? '' : `| | |\n| --- | --- |\n${rows.join('\n')}\n\n`;
  return `${table}The whole record is in \`training.json\`.`;
}

function figures(report: EvalReport): string {
  const { data, as_trained, zero_thoughts, shuffled_thoughts, cot_baseline } = report;
  const rows = [runRow('as trained', as_trained)];
  if (zero_thoughts) rows.push(runRow('control: no thoughts', zero_thoughts));
  if (shuffled_thoughts) rows.push(runRow("control: another item's thoughts", shuffled_thoughts));
  if (cot_baseline) {
    const { checkpoint, items, accuracy, mean_text_tokens } = cot_baseline;
    const tokens = mean_text_tokens.toFixed(2);
    rows.push(
      `| chain of thought: ${checkpoint} | ${items} | ${percent(accuracy)} | | 0 | ${tokens} | ${tokens} |`,
    );
  }
  return [
    `Measured ${report.date} on ${data.name} (${data.items} items, sha256 \`${data.sha256}\`)`,
    `with weights of sha256 \`${report.checkpoint_sha256}\`. Means per item; \`<eos>\` is not counted.`,
    '',
    '| | items | accuracy | 95% interval | thoughts | text tokens | sum |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function runRow(name: string, run: EvalRun): string {
  const [low, high] = run.accuracy_ci95;
  const cells = [
    name,
    run.items,
    percent(run.accuracy),
    `${percent(low)} to ${percent(high)}`,
    run.mean_thoughts.toFixed(2),
    run.mean_text_tokens.toFixed(2),
    run.mean_total_tokens.toFixed(2),
  ];
  return `| ${cells.join(' | ')} |`;
}

function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(1)}%`;
}

function serving({ id, config, base }: CardSource): string {
  const { filler, default_thoughts } = config.coconut;
  const thoughts = filler === 'none' ? '' : `, "latent_thoughts": ${default_thoughts}`;
  const merged = `out/merged/${id}`;
  const start = base
    ? [`npm run merge -- models/adapters/${id} ${merged}`, `MODEL_DIR=${merged} npm start`]
    : [`MODEL=${id} npm start`];
  return [
    `Put this directory into \`models/${base ? 'adapters/' : ''}\` of coconut-serve, then:`,
    '',
    '```sh',
    ...start,
    'curl http://127.0.0.1:8080/v1/chat/completions -H "content-type: application/json" \\',
    `  -d '{"model": "${id}", "messages": [{"role": "user", "content": "…"}]${thoughts}}'`,
    '```',
  ].join('\n');
}
