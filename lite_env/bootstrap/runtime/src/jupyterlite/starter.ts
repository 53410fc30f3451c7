/** Starts a kernel of what is deployed now, which may be newer than the page: old and new are never mixed. */
import type { Ahead, Kernel, KernelOptions } from '../embed/api';
import { BootError, describe } from '../errors';
import { soon } from '../soon';
import type { LiteKernelPlan, LiteSite } from './site';

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
    private readonly root: URL
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
        ahead,
      });
    } catch (error) {
      ahead?.worker.terminate();
      throw error;
    }
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
      throw error instanceof BootError ? error : await whyNot(url, error);
    }
  }

  private url(path: string): string {
    return new URL(path, this.root).href;
  }
}

/** Why a script did not load, which browsers do not tell: it is asked for once more. */
async function whyNot(url: string, error: unknown): Promise<BootError> {
  const file = 'lite-env.mjs';
  const told = (name: BootError['failure']['name'], reason: string, hint: string) =>
    new BootError(name, `"${file}" ${reason}`, { file, hint, cause: error });
  const deploy = 'deploy the whole site again, with the folder lite-env/';
  let response: Response;
  try {
    response = await soon(fetch(url, { cache: 'reload' }), WAIT_MS, () => {
      throw new Error('no answer');
    });
  } catch {
    return navigator.onLine === false
      ? told('Offline', 'is in no cache, and there is no network', 'connect, and start the kernel again')
      : told('NetworkFailed', 'could not be fetched: the server does not answer', 'see that the server runs, and start the kernel again');
  }
  if (response.status === 404 || response.status === 410) {
    return told('FileMissing', `is not on the server (${response.status})`, `${deploy}; if it was, reload the page`);
  }
  if (!response.ok) {
    return told('HttpStatus', `is refused by the server with status ${response.status}`, 'open its address to see what the server says');
  }
  if (response.headers.get('content-type')?.startsWith('text/html')) {
    return told('HtmlInsteadOfFile', 'is not there, and the server answers a page in its place', deploy);
  }
  return told('Undecodable', `is not a script that this browser can run: ${describe(error)}`, `${deploy}; a Content-Security-Policy must allow scripts of this site`);
}
