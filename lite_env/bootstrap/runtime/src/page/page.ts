/** Entry of the console page. */
import { BrowserContents } from '../embed/browser-contents';
import { describe } from '../errors';
import type { Figures } from '../protocol';
import { App, type Executed } from './app';
import { Chooser } from './chooser';
import { askedFor, choicesOf, readConfig, type Choice, type PageConfig } from './config';
import { el } from './dom';
import { FilesPanel } from './files';
import { watchPolicy } from './policy';
import type { Problem } from './problems';
import { registerSiteWorker } from './site-worker';
import { siteStorage } from './site-storage';
import { Storage } from './storage';
import { takeToken } from './token';

/** For tests and scripts: `await liteEnv.ready; await liteEnv.execute('1 + 1')`. */
interface PageApi {
  execute(code: string): Promise<Executed>;
  /** Settles when the first start is over, well or badly. */
  readonly ready: Promise<void>;
  readonly errors: readonly Problem[];
  /** What the kernel says of its start; null where none runs. */
  figures(): Promise<Figures | null>;
}

function main(): void {
  const config = readConfig(document);
  const choices = choicesOf(config);
  const asked = askedFor(choices, location.hash);
  if (!asked) {
    throw new Error('the site has no environment');
  }
  const root = document.getElementById('app') as HTMLElement;
  const api = 'choice' in asked ? openApp(config, choices, asked.choice, root) : choose(choices, asked.unknown, root);
  Object.assign(globalThis, { liteEnv: api });
}

function openApp(config: PageConfig, choices: readonly Choice[], choice: Choice, root: HTMLElement): PageApi {
  const storage = new Storage(() => localStorage);
  const tab = new Storage(() => sessionStorage);
  const app = new App({ config, choices, choice, storage, tab, token: takeToken(tab) }, root);
  app.mount(filesPanel(config));
  watchPolicy(problem => app.tell(problem));
  addEventListener('hashchange', () => app.addressChanged(askedFor(choices, location.hash)));
  const ready = app.start();
  if (config.serviceWorker) {
    void registerSiteWorker(config.serviceWorker, {
      started: ready,
      problem: problem => app.tell(problem),
      replaced: () => app.offerReload(),
    });
  }
  return { execute: code => app.execute(code), ready, errors: app.problems.all, figures: () => app.figures() };
}

/** Another choice is another page load; the token stays in the address until something is opened. */
function choose(choices: readonly Choice[], unknown: string, root: HTMLElement): PageApi {
  const chooser = new Chooser(choices, unknown, root);
  chooser.mount();
  globalThis.liteEnvAhead?.worker.terminate();
  addEventListener('hashchange', () => location.reload());
  const lost: Executed = { status: 'lost', text: '', error: { ename: 'KernelUnknown', evalue: 'there is no kernel' } };
  const nothing = { execute: () => Promise.resolve(lost), figures: () => Promise.resolve(null) };
  return { ...nothing, ready: Promise.resolve(), errors: chooser.problems.all };
}

/** Where the drive is a folder of a host, people look at it there. */
function filesPanel({ drive }: PageConfig): FilesPanel | null {
  if (drive.kind !== 'browser') {
    return null;
  }
  let opened: Promise<BrowserContents> | null = null;
  return new FilesPanel(() => {
    const { name, ...options } = siteStorage(drive.name, location);
    opened ??= BrowserContents.open(name, options);
    opened.catch(() => (opened = null));
    return opened;
  });
}

declare global {
  /** Defined in index.html, for what happens before there is a page; missing where a policy forbids scripts in it. */
  var liteEnvBroken: ((file: string, reason: string, hint: string) => void) | undefined;
  /** Whether index.html has told that nothing can run here. */
  var liteEnvStopped: boolean | undefined;
}

try {
  globalThis.liteEnvStopped || main();
} catch (error) {
  const [reason, hint] = [`does not work: ${describe(error)}`, 'Make the site again with `lite-env site`.'];
  if (globalThis.liteEnvBroken) {
    globalThis.liteEnvBroken('index.html', reason, hint);
  } else {
    document.body.prepend(el('p', { role: 'alert' }, `The page cannot start: "index.html" ${reason}. ${hint}`));
  }
}
