/** The page's kernel, by the embedding API. */
import type { Kernel } from '../embed/api';
import { Relay } from '../host/channels';
import type { FromWorker, JupyterMessage } from '../protocol';
import { KernelClient } from './client';
import type { Choice, PageConfig } from './config';
import type { ProgressEnvelope } from './progress';

export interface StartOptions {
  readonly config: PageConfig;
  readonly choice: Choice;
  readonly token: string | null;
  readonly onProgress: (progress: ProgressEnvelope) => void;
}

export async function startKernel({ config, choice, onProgress }: StartOptions): Promise<Kernel> {
  const worker = new Worker(new URL(`${config.runtime}worker.js`, location.href));
  const relay = new Relay(worker, () => undefined);
  const listeners: ((failure: never, fatal: boolean) => void)[] = [];
  const client = new KernelClient({
    send: message => relay.obey({ type: 'message', message }),
    answerInput: message => relay.obey({ type: 'message', message }),
  });
  let figures: any;
  await new Promise<void>((resolve, reject) => {
    const fail = (error: any, fatal: boolean) => {
      if (fatal) { reject(Object.assign(new Error(error.message), { failure: error })); client.fail(new Error(error.message)); }
      listeners.forEach(l => l(error as never, fatal));
    };
    worker.addEventListener('error', event => fail({ name: 'WorkerFailed', message: `worker broke: ${event.message}`, file: 'worker.js', hint: null }, true));
    worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
      if (data.type === 'progress') onProgress(data);
      if (data.type === 'ready') { figures = data.figures; resolve(); }
      if (data.type === 'message') client.receive(data.message);
      if (data.type === 'log') console.log(data.text);
      if (data.type === 'error') fail(data.error, data.fatal);
    });
    relay.obey({ type: 'start', manifest: new URL(choice.environment.manifest, location.href).href, kernel: choice.kernel?.name ?? null });
  });
  return {
    name: '',
    canInterrupt: crossOriginIsolated,
    canInput: true,
    execute: async (code: string, options: any) => ({ content: await client.execute(code, options) }) as JupyterMessage,
    request: async (type: string, content: any) => ({ content: await client.request(type, content) }) as JupyterMessage,
    onError: (l: any) => { listeners.push(l); return () => undefined; },
    interrupt: () => relay.obey({ type: 'interrupt' }),
    dispose: () => { worker.terminate(); client.fail(new Error('gone')); },
    figures: async () => figures,
  } as unknown as Kernel;
}
