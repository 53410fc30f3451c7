/** Starts a kernel of what is deployed now, which may be newer than the page: old and new are never mixed. */
import type { Ahead, Kernel, KernelOptions } from '../embed/api';
import { BootError, describe, type Failure } from '../errors';
import { areWanted } from '../snapshot/wanted';
import { soon } from '../soon';
import type { LiteKernelPlan, LiteSite } from './site';
import { whyNot, type Refusals } from './why-not';

/** The part of lite-env.mjs that is used; another version of it has another interface. */
interface Runtime {
  readonly EMBED_VERSION: number;
  createKernel(options: KernelOptions): Promise<Kernel>;
}

const EMBED_VERSION = 1;
const SITE_FORMAT = 1;
/** How long the two small files of a start are waited for. */
const WAIT_MS = 20_000;
const RELOAD = 'reload the page, which gets the new version; files that were saved are still there';

/** What a kernel is told besides what the site says of it. */
export type StartOptions = Pick<KernelOptions, 'drive' | 'cwd' | 'signal' | 'onProgress' | 'onLog'>;

/** What a start begins with, all of it at once. */
interface Begun {
  readonly site: LiteSite;
  readonly runtime: Promise<Runtime>;
  readonly ahead: Ahead | null;
}

export class Starter {
  /** Addresses of runtimes that did not load: browsers do not ask for them again. */
  private readonly failed = new Map<string, number>();

  /** `site` is what the page was loaded with, `root` the folder `lite-env/`. */
  constructor(
    private readonly site: LiteSite,
    private readonly root: URL,
    private readonly refusals: Pick<Refusals, 'hint'> = { hint: null }
  ) {}

  /**
   * Start the kernel of that name.
   *
   * @throws BootError, or a KernelError of the runtime: both have a `failure`.
   */
  async start(name: string, options: StartOptions): Promise<Kernel> {
    const begun = this.begin(this.site, name);
    let fresh: LiteSite | null = null;
    try {
      fresh = await this.fresh();
      if (fresh.build === this.site.build) {
        return await this.run(begun, name, options);
      }
    } finally {
      if (fresh?.build !== this.site.build) {
        begun.ahead?.worker.terminate();
      }
    }
    return this.run(this.begin(fresh, name), name, options);
  }

  private begin(site: LiteSite, name: string): Begun {
    const runtime = this.load(site.runtime);
    runtime.catch(() => undefined); // Told to whoever waits for it.
    const plan = site.kernels.find(kernel => kernel.name === name);
    return { site, runtime, ahead: plan ? this.ahead(site, plan) : null };
  }

  private async run({ site, runtime, ahead }: Begun, name: string, options: StartOptions): Promise<Kernel> {
    const plan = site.kernels.find(kernel => kernel.name === name);
    try {
      const { createKernel } = await runtime;
      if (!plan) {
        throw new BootError('Redeployed', `the site has no kernel "${name}" any more`, { hint: RELOAD });
      }
      return await createKernel({
        ...options,
        manifest: this.url(plan.manifest),
        kernel: plan.kernel,
        worker: plan.worker,
        runtime: this.url(site.runtime),
        prefetch: site.prefetch,
        snapshots: areWanted(site.snapshots),
        ahead,
      });
    } catch (error) {
      ahead?.worker.terminate();
      throw await this.explained(error, site);
    }
  }

  /** The same with its reason, where more of it can be known than whoever failed could. */
  private async explained(error: unknown, { runtime }: LiteSite): Promise<unknown> {
    const { failure } = (error ?? {}) as { failure?: Failure };
    if (failure && this.refusals.hint !== null) {
      const { name, message, file } = failure;
      return new BootError(name, message, { ...(file !== null && { file }), hint: this.refusals.hint, cause: error });
    }
    const isScript = failure?.name === 'KernelFailed' && failure.file === 'worker.js';
    return (isScript ? await whyNot(this.url(`${runtime}worker.js`), 'worker.js', error) : null) ?? error;
  }

  /** The worker and the manifest, which take a round trip each; a worker of another origin is the runtime's affair. */
  private ahead(site: LiteSite, { manifest, worker }: LiteKernelPlan): Ahead | null {
    if (this.root.origin !== location.origin) {
      return null;
    }
    const begun = new Worker(new URL('worker.js', this.url(site.runtime)), { type: worker });
    const told = { worker: begun, type: worker, error: null as Event | null };
    begun.addEventListener('error', event => {
      event.preventDefault();
      told.error ??= event;
    });
    const answer = fetch(this.url(manifest), { cache: 'no-cache' });
    answer.catch(() => undefined); // The worker asks again, and tells why.
    return Object.assign(told, { manifest: answer });
  }

  /** What is deployed now; what the page was loaded with where nothing can be learned: there may be no network. */
  private async fresh(): Promise<LiteSite> {
    const read = async (): Promise<LiteSite> => {
      const response = await fetch(this.url('api/site.json'), { cache: 'no-cache' });
      const found = response.ok ? ((await response.json()) as Partial<LiteSite> | null) : null;
      const isSite = typeof found?.build === 'string' && Array.isArray(found.kernels);
      if (isSite && found.format !== SITE_FORMAT) {
        throw new BootError('Redeployed', 'a version was deployed that this page does not know', { hint: RELOAD });
      }
      return isSite ? (found as LiteSite) : this.site;
    };
    const asTold = (error: unknown) => {
      if (error instanceof BootError) {
        throw error;
      }
      return this.site;
    };
    return soon(read().catch(asTold), WAIT_MS, () => this.site);
  }

  private async load(folder: string): Promise<Runtime> {
    const url = this.url(`${folder}lite-env.mjs`);
    const count = this.failed.get(url) ?? 0;
    const late = () => {
      throw new BootError('NetworkFailed', `"lite-env.mjs" did not come within ${WAIT_MS / 1000} seconds`, {
        file: 'lite-env.mjs',
        hint: 'see that the network works and the server is not overloaded, and start the kernel again',
      });
    };
    try {
      const found = (await soon(import(count ? `${url}?${count}` : url), WAIT_MS, late)) as Partial<Runtime>;
      if (found.EMBED_VERSION !== EMBED_VERSION || !found.createKernel) {
        throw new BootError('Redeployed', 'a version was deployed that this page does not know', { hint: RELOAD });
      }
      return found as Runtime;
    } catch (error) {
      this.failed.set(url, count + 1);
      throw error instanceof BootError ? error : ((await whyNot(url, 'lite-env.mjs', error)) ?? unrunnable(error));
    }
  }

  private url(path: string): string {
    return new URL(path, this.root).href;
  }
}

function unrunnable(cause: unknown): BootError {
  return new BootError('Undecodable', `"lite-env.mjs" is not a script that this browser can run: ${describe(cause)}`, {
    file: 'lite-env.mjs',
    hint: 'deploy the whole site again, with the folder lite-env/; a newer browser may help as well',
    cause,
  });
}
