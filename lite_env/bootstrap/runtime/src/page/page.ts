/** Entry of the console page. */
import { BrowserContents } from '../embed/browser-contents';
import { describe } from '../errors';
import { App, type Executed } from './app';
import { choicesOf, chosen, readConfig, type PageConfig } from './config';
import { FilesPanel } from './files';
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
}

function main(): void {
  const config = readConfig(document);
  const choices = choicesOf(config);
  const choice = chosen(choices, location.hash);
  if (!choice) {
    throw new Error('the site has no environment');
  }
  const root = document.getElementById('app') as HTMLElement;
  const storage = new Storage(() => localStorage);
  const token = takeToken(new Storage(() => sessionStorage));
  const app = new App({ config, choices, choice, storage, token }, root);
  app.mount(filesPanel(config));
  if (config.serviceWorker) {
    void registerSiteWorker(config.serviceWorker, {
      problem: problem => app.tell(problem),
      replaced: () => app.offerReload(),
    });
  }
  const api: PageApi = { execute: code => app.execute(code), ready: app.start(), errors: app.problems.all };
  Object.assign(globalThis, { liteEnv: api });
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

const { liteEnvBroken } = globalThis as unknown as {
  /** Defined in index.html, for what happens before there is a page. */
  liteEnvBroken(file: string, reason: string, hint: string): void;
};

try {
  main();
} catch (error) {
  liteEnvBroken('index.html', `does not work: ${describe(error)}`, 'Make the site again with `lite-env site`.');
}
