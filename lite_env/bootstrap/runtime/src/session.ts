import { boot, type Booted } from './boot';
import { describe, failureOf } from './errors';
import type { Transport } from './io/transport';
import type { StreamName } from './kernel/output';
import { KernelNetwork, refuse, throughHost } from './network/kernel';
import { Blocking } from './network/xhr';
import type { WorkerKind } from './pack/manifest';
import type { DriveSource, Emit, FromWorker, JupyterMessage, LinkSources, SharedChannels, ToWorker } from './protocol';
import type { LoadInstaller } from './session/install';
import { Interrupts } from './session/interrupts';
import { Queue } from './session/queue';
import { Saver } from './session/saver';
import { Startup } from './session/startup';
import { Stdin } from './session/stdin';
import type { Shelf } from './snapshot/shelf';
import { Snapshots } from './snapshot/snapshots';

type Start = Extract<ToWorker, { type: 'start' }>;

export interface SessionHost {
  readonly emit: Emit;
  /** What the worker runs, which decides on the kernels that it can; both kinds where nothing is said. */
  readonly worker?: WorkerKind;
  /** What installs packages while the kernel runs; `runtime` is where the runtime's files are, if the page has said. */
  readonly installer: (runtime: string | null) => ReturnType<LoadInstaller>;
  /** Files beside a manifest, whose content may be there already. */
  transport(manifest: string, data: Uint8Array | null): Transport;
  locate(manifest: string, path: string): string;
  /** Where snapshots of kernels are kept: in a folder, where the host has one; or the one file that one is to be made into. */
  shelf?(folder: string | null, file: string | null): Shelf | null;
}

/**
 * One kernel in one worker: takes envelopes in order, gives envelopes out. Messages go through the queue, questions to
 * stdin, interrupts through shared memory, and what the kernel makes of them is its family's affair.
 */
export class Session {
  private booted: Booted | null = null;
  private runtime: string | null = null;
  private shared: SharedChannels | null = null;
  private readonly interrupts = new Interrupts();
  private readonly queue: Queue;
  private readonly stdin: Stdin;
  private readonly startup: Startup;
  private readonly saver: Saver;
  private failStart: (reason: unknown) => void = () => undefined;
  private takeDrive: (drive: DriveSource | null) => void = () => undefined;
  private readonly linked = new Promise<DriveSource | null>(resolve => {
    this.takeDrive = resolve;
  });

  /** `scope` is the global object of the worker. */
  constructor(
    private readonly scope: object,
    private readonly host: SessionHost
  ) {
    this.queue = new Queue(host.emit, this.interrupts, () => host.installer(this.runtime));
    this.stdin = new Stdin(host.emit);
    this.startup = new Startup(host.emit);
    this.saver = new Saver(host.emit, () => this.queue.done());
  }

  /** Take one envelope from the host. */
  receive(envelope: ToWorker): void {
    switch (envelope.type) {
      case 'start':
        return this.queue.add(() => this.start(envelope));
      case 'link':
        return this.takeLink(envelope);
      case 'message':
        return this.queue.add(() => this.toKernel(envelope));
      case 'figures':
        return this.queue.add(() => this.tellFigures());
      case 'trace':
        return this.queue.add(() => this.tellTrace());
      case 'read':
        return this.queue.add(() => this.tellFile(envelope.path));
    }
  }

  /**
   * Take an error that nobody waited for. While the kernel starts it is the reason why the start would never end: the
   * glue leaves promises alone. Later it is a program's own affair.
   */
  stray(reason: unknown): void {
    this.failStart(reason);
    this.host.emit({ type: 'log', level: 'error', text: `unhandled rejection: ${describe(reason)}` });
  }

  private async start(envelope: Start): Promise<void> {
    const { emit } = this.host;
    this.shared = envelope.shared ?? null;
    this.runtime = envelope.runtime ?? null;
    this.stdin.share(this.shared);
    this.interrupts.share(this.shared?.interrupt ?? null);
    const snapshots = this.snapshotsFor(envelope);
    snapshots?.look();
    const network = new KernelNetwork(this.shared ? throughHost(emit) : envelope.makeSnapshot ? refuse : request => new Blocking(request));
    const strayed = new Promise<never>((_, reject) => {
      this.failStart = reject;
    });
    try {
      const booting = boot({
        transport: this.host.transport(envelope.manifest, envelope.manifestData ?? null),
        kernel: envelope.kernel,
        env: envelope.env,
        drive: envelope.awaitsDrive ? this.linked : undefined,
        trace: envelope.trace,
        startup: envelope.startup,
        snapshots,
        place: envelope.manifest,
        makeSnapshot: envelope.makeSnapshot,
        scope: this.scope,
        network,
        worker: this.host.worker,
        emit,
        post: message => this.fromKernel(message),
        print: (name, line) => this.print(name, `${line}\n`),
        locate: path => this.host.locate(envelope.manifest, path),
      });
      const booted = await Promise.race([booting, strayed]);
      if (envelope.makeSnapshot) {
        return emit(await this.makeSnapshot(snapshots, booted, envelope));
      }
      const { kernel, running, drive, figures } = booted;
      if (this.shared) {
        network.listen(this.shared.interrupt);
      }
      const interrupts = this.shared !== null && running.listen(this.shared.interrupt);
      if (booted.startup) {
        await this.startup.run(booted, booted.startup);
      }
      running.input(() => this.stdin.ask());
      this.booted = booted;
      emit({ type: 'ready', kernel: kernel.name, figures: figures(), interrupts, drive });
      if (snapshots) {
        this.saver.watch(snapshots, booted);
      }
      void booted.prefetch(envelope.prefetch ?? 'none', () => this.queue.done());
    } catch (error) {
      emit({ type: 'error', error: failureOf(error, 'starting the kernel'), fatal: true });
    }
  }

  private async makeSnapshot(snapshots: Snapshots | null, booted: Booted, { snapshotFile, shipModules }: Start): Promise<FromWorker> {
    const failed = (why: string): FromWorker => ({ type: 'snapshot', made: false, why });
    if (!snapshots) {
      return failed('it has no place');
    }
    if (snapshotFile) {
      const shipped = await this.saver.ship(snapshots, booted, shipModules === true);
      return typeof shipped === 'string' ? failed(shipped) : { type: 'snapshot', made: true, shipped };
    }
    const why = await this.saver.make(snapshots, booted);
    return why === null ? { type: 'snapshot', made: true } : failed(why);
  }

  /** Where every file that is opened is kept, all are. */
  private snapshotsFor(envelope: Start): Snapshots | null {
    const { snapshots, snapshotFolder, snapshotFile, snapshotKept, withoutPreload, trace } = envelope;
    const shelf = snapshots === false || trace ? null : (this.host.shelf?.(snapshotFolder ?? null, snapshotFile ?? null) ?? null);
    const tell = (text: string) => this.host.emit({ type: 'log', level: 'info', text });
    return shelf && new Snapshots(shelf, tell, snapshotFolder ? null : Boolean(snapshotKept), withoutPreload);
  }

  private takeLink({ drive, stdin }: LinkSources): void {
    this.stdin.link(stdin);
    this.takeDrive(drive);
  }

  private async toKernel(sent: Extract<ToWorker, { type: 'message' }>): Promise<void> {
    const { booted } = this;
    if (!booted) {
      return; // The start failed and has been reported.
    }
    this.saver.note(sent.message);
    this.startup.toldIn(sent.message).forEach(message => this.host.emit({ type: 'message', message }));
    try {
      await this.queue.hand(sent, booted);
      await this.saver.handled();
    } catch (error) {
      const cause = new Error(booted.running.explain(error), { cause: error });
      const failure = failureOf(cause, `handling ${sent.message.header.msg_type}`);
      this.host.emit({ type: 'error', error: { ...failure, file: failure.file ?? booted.main }, fatal: true });
      this.booted = null;
      this.saver.broken();
    }
  }

  private fromKernel(message: unknown): void {
    if (typeof message === 'object' && message !== null && 'header' in message) {
      if (this.startup.takes(message as JupyterMessage)) {
        return;
      }
      this.stdin.note(message as JupyterMessage);
      this.queue.take(message as JupyterMessage);
    }
  }

  private print(name: StreamName, text: string): void {
    if (!this.startup.print(name, text)) {
      this.queue.print(name, text);
    }
  }

  private tellFigures(): void {
    if (this.booted) {
      this.host.emit({ type: 'figures', figures: this.booted.figures() });
    }
  }

  private tellTrace(): void {
    const { files, interpreter } = this.booted?.trace ?? { files: [], interpreter: 0 };
    this.host.emit({ type: 'trace', files: [...files], interpreter });
  }

  private tellFile(path: string): void {
    let data: Uint8Array | null = null;
    try {
      data = this.booted?.files?.FS.readFile(path) ?? null;
    } catch {
      // No such file, or one that cannot be read: the host hears that there is none.
    }
    this.host.emit({ type: 'read', path, data });
  }
}
