import { describe, expect, it } from 'vitest';
import { modelCard } from '../../src/model/model-card.ts';
import { evalReportOf } from '../support/eval-reports.ts';
import { tinyConfig } from '../support/tiny-model.ts';

const training = { run: 'tiny', updates: 20, stages: [1, 2] };

describe('model card', () => {
  it('says what it is, how it was trained, what was measured and how to serve it', () => {
    const config = tinyConfig('coconut');
    const evalReport = evalReportOf('SHA256');
    expect(modelCard({ id: 'tiny', config, training, evalReport })).toMatchInlineSnapshot(`
      "---
      license: mit
      library_name: coconut-serve
      pipeline_tag: text-generation
      tags: [coconut, latent-reasoning, gpt2]
      model-index:
        - name: "tiny"
          results:
            - task: { type: text-generation }
              dataset: { name: "prosqa-valid", type: "prosqa-valid" }
              metrics:
                - { type: accuracy, value: 0.97 }
      ---

      # tiny

      A GPT-2 of 0.01 million parameters: 2 layers, width 16, 2 heads,
      256 positions, 260 tokens. Trained by coconut-serve with method
      \`coconut\`. It answers the kind of question it was trained on and nothing else.

      ## How it reasons

      In continuous thoughts (Coconut, arXiv 2412.06769): between \`<bot>\` and \`<eot>\` the hidden
      state of one position is the input of the next, and no token is sampled.
      Its curriculum has 6 stages, each replacing one reasoning step by
      1 thought. Unless a request says otherwise it takes 3 thoughts.

      ## How it was trained

      | | |
      | --- | --- |
      | run | tiny |
      | updates | 20 |

      The whole record is in \`training.json\`.

      ## Figures

      Measured 2026-01-02T03:04:05Z on prosqa-valid (300 items, sha256 \`dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd\`)
      with weights of sha256 \`SHA256\`. Means per item; \`<eos>\` is not counted.

      | | items | accuracy | 95% interval | thoughts | text tokens | sum |
      | --- | --- | --- | --- | --- | --- | --- |
      | as trained | 300 | 97.0% | 94.4% to 98.4% | 6.00 | 8.25 | 14.25 |
      | control: no thoughts | 300 | 50.0% | 94.4% to 98.4% | 0.00 | 8.25 | 8.25 |

      ## Serve it

      Put this directory into \`models/\` of coconut-serve, then:

      \`\`\`sh
      MODEL=tiny npm start
      curl http://127.0.0.1:8080/v1/chat/completions -H "content-type: application/json" \\
        -d '{"model": "tiny", "messages": [{"role": "user", "content": "…"}], "latent_thoughts": 3}'
      \`\`\`
      "
    `);
  });

  it('claims no figures where none were measured', () => {
    const config = tinyConfig('cot');
    const card = modelCard({ id: 'tiny', config, training, evalReport: null });
    expect(card).toContain('Not measured yet.');
    expect(card).not.toMatch(/%|model-index|latent_thoughts/);
  });

  it('does not call a step-supervised checkpoint plain Coconut', () => {
    const config = tinyConfig('coconut');
    config.coconut.supervision = 'frontier';
    const card = modelCard({ id: 'tiny', config, training, evalReport: null });
    expect(card).toContain('step-supervised variant, not plain Coconut');
  });

  it('sets the chain-of-thought baseline beside them', () => {
    const config = tinyConfig('coconut');
    const evalReport = evalReportOf('SHA256');
    evalReport.cot_baseline = {
      checkpoint: 'tiny-cot',
      checkpoint_sha256: 'COT',
      accuracy: 0.775,
      mean_text_tokens: 49.4,
      sd_text_tokens: 1,
      items: 300,
    };
    expect(modelCard({ id: 'tiny', config, training, evalReport })).toContain(
      '| chain of thought: tiny-cot | 300 | 77.5% | | 0 | 49.40 | 49.40 |',
    );
  });

  it('says of an adapter what it is of, and how to make a model of both', () => {
    const config = tinyConfig('coconut');
    const base = { path: 'out/some-base', sha256: 'b'.repeat(64) };
    const card = modelCard({ id: 'tuned', config, training, evalReport: null, base });
    expect(card).toContain('A low-rank adapter (LoRA), trained over `out/some-base`');
    expect(card).toContain('npm run merge -- models/adapters/tuned out/merged/tuned');
    expect(card).toContain('MODEL_DIR=out/merged/tuned npm start');
    expect(card).not.toContain('MODEL=tuned');
  });
});
