import { describe, failureOf, type Failure } from '../errors';
import { brokenWorker, GONE, silentWorker } from '../host/broken';
import { Relay } from '../host/channels';
import { createWorker } from '../host/create-worker';
import type { HostCommand } from '../host/envelope';
import { newId } from '../ids';
import { sendFromPage } from '../network/browser';
import type { Figures, FromWorker, JupyterMessage } from '../protocol';
import { KernelError, type Ahead, type ExecuteOptions, type Kernel, type KernelOptions, type RequestOptions } from './api';
import { hasSharedMemory, PageLink } from './drive-link';
import { Listeners, tell } from './listeners';
import { manifestOf } from './manifest';
import { createPulse, type Pulse } from '../pulse';
import { Requests } from './requests';
import { PreloadMaker } from './preload-maker';
import { SnapshotHint } from './snapshot-hint';

type Ready = Extract<FromWorker, { type: 'ready' }>;

/** A request for figures that is under way. */
interface AwaitingFigures {
  resolve(figures: Figures): void;
  reject(reason: Error): void;
}

/** A kernel in a worker of this page. */
export class WorkerKernel implements Kernel {
  name = '';
  canInterrupt = false;
  private worker: Worker | null = null;
  private pulse: Pulse | null = null;
  /** Ends a start of which nothing is heard. */
  private sign: ReturnType<typeof setTimeout> | undefined;
  private hint: SnapshotHint | null = null;
  private maker: PreloadMaker | null = null;
  private relay: Relay | null = null;
  private awaitingFigures: AwaitingFigures[] = [];
  private endStart: { ready(envelope: Ready): void; failed(error: Error): void } | null = null;
  private link: PageLink | null = null;
  /** Settles with the start under way; rejected when the kernel cannot take requests any more. */
  private running: Promise<void> = Promise.resolve();
  private isReady = false;
  /** Why the kernel takes no requests, also not later. */
  private ended: KernelError | null = null;
  private disposed = false;
  private readonly opening: Promise<PageLink>;
  /** Where a page's own failures in what we call go. */
  readonly report = (error: unknown): void => this.log('error', `a listener of the page failed: ${describe(error)}`);
  private readonly requests = new Requests(this);
  private readonly messageListeners = new Listeners<[JupyterMessage]>(this.report);
  private readonly errorListeners = new Listeners<[Failure, boolean]>(this.report);

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
    const { signal } = options;
    const giveUp = () => kernel.dispose();
    signal?.addEventListener('abort', giveUp);
    try {
      const begun = kernel.begin(options.ahead);
      if (signal?.aborted) {
        giveUp();
      }
      await begun;
    } catch (error) {
      kernel.dispose();
      throw error;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
    return kernel;
  }

  get canInput(): boolean {
    return hasSharedMemory() || Boolean(this.link?.carriesInput);
  }

  send(message: JupyterMessage): void {
    if (this.ended) {
      throw this.ended;
    }
    const obey = () => this.obey({ type: 'message', message });
    // What is sent while the kernel starts follows its start; that one that fails has been told.
    void (this.isReady ? obey() : this.running.then(obey, () => undefined));
  }

  request(type: string, content: Record<string, unknown>, options: RequestOptions = {}): Promise<JupyterMessage> {
    return this.whenReady(() => this.requests.send(type, content, options));
  }

  execute(code: string, options: ExecuteOptions = {}): Promise<JupyterMessage> {
    return this.whenReady(() => {
      const content = {
        code,
        silent: options.silent ?? false,
        store_history: options.storeHistory ?? true,
        user_expressions: {},
        allow_stdin: options.onInput !== undefined && this.canInput,
        stop_on_error: options.stopOnError ?? false,
      };
      return this.requests.send('execute_request', content, options);
    });
  }

  onMessage(listener: (message: JupyterMessage) => void): () => void {
    return this.messageListeners.add(listener);
  }

  onError(listener: (failure: Failure, fatal: boolean) => void): () => void {
    return this.errorListeners.add(listener);
  }

  answerInput(reply: string | JupyterMessage): void {
    const message = typeof reply === 'string' ? this.requests.inputReply(reply) : reply;
    this.obey({ type: 'message', message });
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
    if (this.disposed) {
      throw this.ended ?? ended(DISPOSED);
    }
    this.endWorker(ended(RESTARTED));
    await this.begin();
  }

  dispose(): void {
    this.disposed = true;
    this.endWorker(ended(DISPOSED));
    this.opening.then(link => link.close()).catch(() => undefined); // One that is not there needs no closing.
  }

  figures(): Promise<Figures> {
    return this.whenReady(
      () =>
        new Promise((resolve, reject) => {
          this.awaitingFigures.push({ resolve, reject });
          this.obey({ type: 'figures' });
        })
    );
  }

  /** Ask at once where the kernel takes requests, so that what the page does next comes after it; else once it does. */
  private whenReady<Result>(ask: () => Promise<Result>): Promise<Result> {
    return this.isReady ? ask() : this.running.then(ask);
  }

  private begin(ahead?: Ahead | null): Promise<void> {
    this.ended = null;
    const running = this.startWorker(ahead);
    this.running = running;
    running.catch((error: KernelError) => {
      if (this.running === running) {
        this.endWorker(error);
      }
    });
    return running;
  }

  /** The worker that the page has made already, where it is one for this kernel; else it is ended. */
  private takeOver(ahead: Ahead | null | undefined): Ahead | null {
    if (ahead && (ahead.type ?? 'classic') !== (this.options.worker ?? 'classic')) {
      ahead.worker.terminate();
      return null;
    }
    return ahead ?? null;
  }

  private async startWorker(ahead?: Ahead | null): Promise<void> {
    const { kernel, env, runtime, drive, prefetch, snapshots } = this.options;
    const manifest = new URL(this.options.manifest, location.href).href;
    const content = manifestOf(manifest, ahead?.manifest);
    const script = new URL('worker.js', new URL(runtime ?? '.', runtime ? location.href : import.meta.url));
    const begun = this.takeOver(ahead);
    const worker = begun?.worker ?? createWorker(script, this.options.worker ?? 'classic');
    this.worker = worker;
    this.relay = new Relay(
      worker,
      envelope => this.take(envelope),
      sendFromPage(),
      reply => this.link?.answerInput(reply) ?? false
    );
    const ready = new Promise<Ready>((resolve, reject) => {
      this.endStart = { ready: resolve, failed: reject };
    });
    const pulse = createPulse(newId());
    this.pulse = pulse;
    const running = new Promise<void>(resolve =>
      this.listen(worker, pulse, () => {
        clearTimeout(this.sign);
        resolve();
      })
    );
    if (begun?.error) {
      this.take({ type: 'error', error: brokenWorker(begun.error), fatal: true });
    }
    const awaitsDrive = Boolean(drive);
    const home = new URL('.', script).href;
    const asked = { kernel: kernel ?? null, env: env ?? {}, ...(prefetch && { prefetch }), ...(snapshots === false && { snapshots }) };
    const hint = new SnapshotHint(manifest, kernel ?? null);
    this.hint = hint;
    const snapshotKept = hint.begin();
    const start = { manifest, ...asked, runtime: home, awaitsDrive, pulse: pulse.name, ...(snapshotKept && { snapshotKept }) };
    const told = content.then(manifestData => {
      this.tell(worker, { type: 'start', ...start, manifestData });
      if (worker === this.worker) {
        this.sign = setTimeout(() => this.take({ type: 'error', error: silentWorker(SIGN_MS), fatal: true }), SIGN_MS);
      }
    });
    // The worker fetches files while the page finds the ways back to itself; whichever fails first ends the start.
    const linked = this.opening.then(async link => {
      await link.reach(running);
      if (worker === this.worker) {
        this.obey({ type: 'link', ...link.begin() });
      }
    });
    const [envelope, manifestData] = await Promise.all([ready, content, told, awaitsDrive ? linked : null]);
    if (worker !== this.worker || this.ended) {
      throw this.ended ?? ended(RESTARTED); // In the very moment in which it was ready.
    }
    this.name = envelope.kernel;
    this.canInterrupt = envelope.interrupts;
    this.isReady = true;
    this.maker = new PreloadMaker(
      { type: 'start', ...start, manifestData },
      () => createWorker(script, this.options.worker ?? 'classic'),
      hint,
      text => this.log('info', text)
    );
    this.maker.ready(envelope.figures);
  }

  /** `runs` is told of the worker's first word. */
  private listen(worker: Worker, pulse: Pulse, runs: () => void): void {
    worker.addEventListener('message', (event: MessageEvent<FromWorker>) => {
      if (worker !== this.worker) {
        return;
      }
      runs();
      if (event.data.type === 'pulse') {
        // From now on its end is noticed, also while it starts.
        pulse.watch(() => this.take({ type: 'error', error: GONE, fatal: true }));
      } else if (!this.relay?.note(event.data)) {
        this.take(event.data);
      }
    });
    worker.addEventListener('error', event => {
      event.preventDefault();
      if (worker === this.worker) {
        this.take({ type: 'error', error: brokenWorker(event), fatal: true });
      }
    });
  }

  /** Give a command to that worker, if it is still the kernel's. */
  private tell(worker: Worker, command: HostCommand): void {
    if (worker === this.worker) {
      this.obey(command);
    }
  }

  private endWorker(reason: KernelError): void {
    clearTimeout(this.sign);
    this.pulse?.stop();
    this.worker?.terminate();
    this.worker = null;
    this.maker?.end();
    this.maker = null;
    this.relay?.end();
    this.relay = null;
    this.end(reason);
  }

  /** Nobody answers any more: whoever waits is told, and so is who asks from now on. */
  private end(reason: KernelError): void {
    this.isReady = false;
    this.ended = reason;
    this.running = Promise.reject(reason);
    this.running.catch(() => undefined); // Told to whoever asks.
    this.endStart?.failed(reason);
    this.awaitingFigures.splice(0).forEach(({ reject }) => reject(reason));
    this.requests.fail(reason);
  }

  private obey(command: HostCommand): void {
    this.relay?.obey(command);
    if (command.type === 'message') {
      this.maker?.asked(command.message);
    }
  }

  private log(level: 'info' | 'warn' | 'error', text: string): void {
    const { onLog } = this.options;
    if (onLog) {
      tell(error => console.error(error), onLog, level, text);
    } else if (level === 'error') {
      console.error(text);
    }
  }

  private take(envelope: FromWorker): void {
    switch (envelope.type) {
      case 'message':
        if (envelope.message.content?.['execution_state'] === 'idle') {
          this.link?.forgetInput();
        }
        this.maker?.said(envelope.message);
        this.messageListeners.tell(envelope.message);
        this.requests.take(envelope.message);
        break;
      case 'progress':
        tell(this.report, this.options.onProgress, envelope);
        break;
      case 'log':
        tell(this.report, this.options.onLog, envelope.level, envelope.text);
        break;
      case 'figures':
        this.awaitingFigures.shift()?.resolve(envelope.figures); // Answers come in the order of the questions.
        break;
      case 'snapshot':
        if (envelope.made) {
          this.hint?.set(true);
        }
        break;
      case 'ready':
        if (envelope.figures.snapshot?.seconds === null) {
          this.hint?.wasPlain();
        }
        this.endStart?.ready(envelope);
        break;
      case 'error':
        if (envelope.fatal) {
          this.endWorker(new KernelError(envelope.error)); // Nobody asks it any more: its memory is given back.
        }
        this.errorListeners.tell(envelope.error, envelope.fatal);
        break;
      case 'drive':
      case 'drive-more':
        this.link?.take(envelope);
    }
  }
}

/** As long as any file of a start is waited for. */
const SIGN_MS = 30_000;
const RESTARTED = 'the kernel was restarted';
const DISPOSED = 'the kernel was disposed';

function ended(message: string): KernelError {
  return new KernelError({ name: 'KernelFailed', message, file: null, hint: null });
}
