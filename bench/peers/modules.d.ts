// The few calls that are made of packages which are installed by hand (bench/package.json): with
// these, types are checked without them.
declare module '@huggingface/transformers' {
  export const env: { allowRemoteModels: boolean; localModelPath: string };
  export class Tensor {
    constructor(type: 'int64', data: BigInt64Array, dims: number[]);
  }
  export class BaseStreamer {
    put(rows: bigint[][]): void;
    end(): void;
  }
  export const AutoModelForCausalLM: {
    from_pretrained(
      name: string,
      options: { dtype: string; device: string; session_options: Record<string, number> },
    ): Promise<{
      generate(options: {
        inputs: Tensor;
        max_new_tokens: number;
        do_sample: boolean;
        streamer: BaseStreamer;
      }): Promise<unknown>;
    }>;
  };
}

declare module 'node-llama-cpp' {
  type Sequence = {
    evaluate(
      tokens: number[],
      options: { temperature: number; yieldEogToken: boolean },
    ): AsyncGenerator<number>;
  };
  type Context = { getSequence(): Sequence; dispose(): Promise<void> };
  type Model = {
    createContext(options: {
      sequences: number;
      contextSize: number;
      batchSize: number;
      threads: { ideal: number; min: number };
    }): Promise<Context>;
  };
  export function getLlama(options: {
    gpu: false;
    build: 'never';
    maxThreads: number;
    logLevel: string;
    progressLogs: boolean;
  }): Promise<{ loadModel(options: { modelPath: string }): Promise<Model> }>;
}
