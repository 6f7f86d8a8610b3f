// The parent's handle on one side's process: start, one job at a time, stop.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type FromPeer, type Job, type Side, sideName, type Timing } from './peer.ts';

const entry = fileURLToPath(new URL('peer-process.ts', import.meta.url));

export class SideProcess {
  readonly side: Side;
  readonly #child: ChildProcess;

  private constructor(side: Side) {
    this.side = side;
    this.#child = fork(entry, [JSON.stringify(side)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
  }

  /** Resolves once the model is loaded; rejects with what the process said. */
  static async start(side: Side): Promise<SideProcess> {
    const started = new SideProcess(side);
    await started.#answer('ready');
    return started;
  }

  async run(job: Job): Promise<Timing> {
    const answer = this.#answer('timing');
    this.#child.send(job);
    return (await answer).timing;
  }

  /** Between jobs nothing runs in it, so that it can simply be ended. */
  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }

  #answer<K extends 'ready' | 'timing'>(kind: K): Promise<Extract<FromPeer, { kind: K }>> {
    return new Promise((resolve, reject) => {
      let complaints = '';
      const onError = (data: Buffer) => {
        complaints += data;
      };
      const onExit = (code: number | null) =>
        settle(() => reject(new Error(`${sideName(this.side)} ended with ${code}: ${complaints}`)));
      const onMessage = (message: FromPeer) =>
        settle(() => {
          if (message.kind === kind) resolve(message as Extract<FromPeer, { kind: K }>);
          else reject(new Error(`${sideName(this.side)}: ${JSON.stringify(message)}`));
        });
      const settle = (then: () => void) => {
        this.#child.stderr?.off('data', onError);
        this.#child.off('exit', onExit);
        this.#child.off('message', onMessage);
        then();
      };
      this.#child.stderr?.on('data', onError);
      this.#child.on('exit', onExit);
      this.#child.on('message', onMessage);
    });
  }
}
