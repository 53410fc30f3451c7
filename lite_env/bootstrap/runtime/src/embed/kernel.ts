import { failureOf, type Failure } from '../errors';
import { Relay } from '../host/channels';
import type { HostCommand } from '../host/envelope';
import { newId } from '../ids';
import { isPage } from '../io/verify';
import type { Figures, FromWorker, JupyterMessage } from '../protocol';
import { KernelError, type Ahead, type ExecuteOptions, type Kernel, type KernelOptions, type RequestOptions } from './api';
import { hasSharedMemory, PageLink } from './drive-link';
import { createPulse, type Pulse } from '../pulse';
import { Requests } from './requests';

type Ready = Extract<FromWorker, { type: 'ready' }>;

/** A kernel in a worker of this page. */
export class WorkerKernel implements Kernel {
  name = '';
  canInterrupt = false;
  private worker: Worker | null = null;
  private pulse: Pulse | null = null;
  private relay: Relay | null = null;
  private awaitingFigures: ((figures: Figures) => void)[] = [];
  private endStart: { ready(envelope: Ready): void; failed(error: Error): void } | null = null;
  private link: PageLink | null = null;
  private readonly opening: Promise<PageLink>;
  private readonly requests = new Requests(this);
  private readonly messageListeners = new Set<(message: JupyterMessage) => void>();
  private readonly errorListeners = new Set<(failure: Failure, fatal: boolean) => void>();

  private constructor(private readonly options: KernelOptions) {
    this.opening = PageLink.open(options).then(
      link => (this.link = link),
      (error: unknown) => {
        throw new KernelError(failureOf(error, 'reaching the drive'));
      }
    );
  }

  static async start(options: KernelOptions): Promise<WorkerKernel> {
    const kernel = new WorkerKernel(options);
    try {
      await kernel.startWorker(options.ahead);
    } catch (error) {
      kernel.dispose();
      throw error;
    }
    return kernel;
  }

  get canInput(): boolean {
    return hasSharedMemory() || Boolean(this.link?.sources.stdin);
  }

  send(message: JupyterMessage): void {
    this.obey({ type: 'message', message });
  }

  async request(type: string, content: Record<string, unknown>, options: RequestOptions = {}): Promise<JupyterMessage> {
    return this.requests.send(type, content, options);
  }

  async execute(code: string, options: ExecuteOptions = {}): Promise<JupyterMessage> {
    const content = {
      code,
      silent: options.silent ?? false,
      store_history: options.storeHistory ?? true,
      user_expressions: {},
      allow_stdin: options.onInput !== undefined && this.canInput,
      stop_on_error: options.stopOnError ?? false,
    };
    return this.requests.send('execute_request', content, options);
  }

  onMessage(listener: (message: JupyterMessage) => void): () => void {
    this.messageListeners.add(listener);
    return () => void this.messageListeners.delete(listener);
  }

  onError(listener: (failure: Failure, fatal: boolean) => void): () => void {
    this.errorListeners.add(listener);
    return () => void this.errorListeners.delete(listener);
  }

  answerInput(reply: string | JupyterMessage): void {
    const message = typeof reply === 'string' ? this.requests.inputReply(reply) : reply;
    if (!this.link?.answerInput(message)) {
      this.obey({ type: 'message', message });
    }
  }

  interrupt(): void {
    if (!this.canInterrupt) {
      throw new KernelError({
        name: 'InterruptUnavailable',
        message: hasSharedMemory()
          ? 'this kernel does not listen to interrupts'
          : 'a running cell cannot be reached: the page is not cross-origin isolated',
        file: null,
        hint: 'restart the kernel, which ends whatever it does',
      });
    }
    this.obey({ type: 'interrupt' });
  }

  async restart(): Promise<void> {
    this.endWorker('the kernel was restarted');
    await this.startWorker();
  }

  dispose(): void {
    this.endWorker('the kernel was disposed');
    this.opening.then(link => link.close()).catch(() => undefined); // One that is not there needs no closing.
  }

  figures(): Promise<Figures> {
    return new Promise(resolve => {
      this.awaitingFigures.push(resolve);
      this.obey({ type: 'figures' });
    });
  }

  private async startWorker(ahead?: Ahead | null): Promise<void> {
    const { kernel, env, runtime, drive } = this.options;
    const manifest = new URL(this.options.manifest, location.href).href;
    const answer = ahead?.manifest ?? fetch(manifest, { cache: 'no-cache' });
    const script = new URL('worker.js', new URL(runtime ?? '.', runtime ? location.href : import.meta.url));
    const worker = ahead?.worker ?? createWorker(script);
    this.worker = worker;
    this.relay = new Relay(worker, envelope => this.take(envelope));
    const ready = new Promise<Ready>((resolve, reject) => {
      this.endStart = { ready: resolve, failed: reject };
    });
    worker.addEventListener('message', (event: MessageEvent<FromWorker>) => {
      if (worker === this.worker) {
        this.take(event.data);
      }
    });
    worker.addEventListener('error', event => {
      event.preventDefault();
      if (worker === this.worker) {
        this.take({ type: 'error', error: brokenWorker(event), fatal: true });
      }
    });
    const pulse = createPulse(newId());
    this.pulse = pulse;
    if (ahead?.error) {
      this.take({ type: 'error', error: brokenWorker(ahead.error), fatal: true });
    }
    const awaitsDrive = Boolean(drive);
    const start = { manifest, kernel: kernel ?? null, env: env ?? {}, awaitsDrive, pulse: pulse.name };
    const told = contentOf(answer).then(manifestData => this.tell(worker, { type: 'start', ...start, manifestData }));
    // The worker fetches files while the page finds the ways back to itself; whichever fails first ends the start.
    const linked = this.opening.then(({ sources }) => this.tell(worker, { type: 'link', ...sources }));
    const [envelope] = await Promise.all([ready, told, awaitsDrive ? linked : null]);
    pulse.watch(() => this.take({ type: 'error', error: GONE, fatal: true }));
    this.name = envelope.kernel;
    this.canInterrupt = envelope.interrupts;
  }

  /** Give a command to that worker, if it is still the kernel's. */
  private tell(worker: Worker, command: HostCommand): void {
    if (worker === this.worker) {
      this.obey(command);
    }
  }

  private endWorker(reason: string): void {
    this.pulse?.stop();
    this.worker?.terminate();
    this.worker = null;
    this.relay = null;
    this.link?.reset();
    const error = new KernelError({ name: 'KernelFailed', message: reason, file: null, hint: null });
    this.endStart?.failed(error);
    this.requests.fail(error);
  }

  private obey(command: HostCommand): void {
    this.relay?.obey(command);
  }

  private take(envelope: FromWorker): void {
    switch (envelope.type) {
      case 'message':
        this.messageListeners.forEach(listener => listener(envelope.message));
        this.requests.take(envelope.message);
        break;
      case 'progress':
        this.options.onProgress?.(envelope);
        break;
      case 'log':
        this.options.onLog?.(envelope.level, envelope.text);
        break;
      case 'figures':
        this.awaitingFigures.splice(0).forEach(resolve => resolve(envelope.figures));
        break;
      case 'ready':
        this.endStart?.ready(envelope);
        break;
      case 'error':
        this.failed(envelope.error, envelope.fatal);
        break;
      case 'drive':
      case 'drive-more':
        this.link?.take(envelope);
    }
  }

  private failed(failure: Failure, fatal: boolean): void {
    if (fatal) {
      const error = new KernelError(failure);
      this.endStart?.failed(error);
      this.requests.fail(error);
    }
    this.errorListeners.forEach(listener => listener(failure, fatal));
  }
}

/** What is in a manifest; null where it cannot be had: the worker then asks itself, and tells why. */
async function contentOf(answer: Promise<Response>): Promise<Uint8Array | null> {
  try {
    const response = await answer;
    const isManifest = response.ok && !isPage(response.headers.get('content-type'));
    return isManifest ? new Uint8Array(await response.arrayBuffer()) : null;
  } catch {
    return null;
  }
}

/** A worker may only be made of a script of the page's own origin; one from elsewhere is imported by a small one. */
function createWorker(url: URL): Worker {
  if (url.origin === location.origin) {
    return new Worker(url);
  }
  const script = new Blob([`importScripts(${JSON.stringify(url.href)});`], { type: 'text/javascript' });
  const own = URL.createObjectURL(script);
  try {
    return new Worker(own);
  } finally {
    setTimeout(() => URL.revokeObjectURL(own), 60_000); // A worker fetches its script after this returns.
  }
}

const GONE: Failure = {
  name: 'KernelFailed',
  message: 'the worker has ended without a word: the program closed it, or the browser did, most often for its memory',
  file: 'worker.js',
  hint: 'start the kernel again; where it ends again, close other tabs or use less memory',
};

/** A script that is missing is a plain event without words; a page in its place has an error in its first line. */
function brokenWorker(event: Event): Failure {
  const { message = '' } = event as Partial<ErrorEvent>;
  const isLoaded = message !== '' && !message.includes('SyntaxError');
  const reason = isLoaded ? message : `its script could not be loaded${message && ` (${message})`}`;
  return {
    name: 'KernelFailed',
    message: `the worker broke down: ${reason}`,
    file: 'worker.js',
    hint: isLoaded
      ? 'start the kernel again, which begins with empty memory'
      : 'see that the whole folder of the runtime is deployed, and that `runtime` names it',
  };
}
