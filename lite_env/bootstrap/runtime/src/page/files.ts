/** The files that the kernel sees under /drive, where the drive is the browser's storage: list, upload, download. */
import type { ContentsModel } from '../embed/api';
import { describe } from '../errors';
import { bytesText, button, el } from './dom';

/** What of the browser's storage is used. */
export interface FileStore {
  get(path: string, options: { content: true }): Promise<ContentsModel>;
  read(path: string): Promise<Uint8Array>;
  write(path: string, data: Uint8Array): Promise<unknown>;
  delete(path: string): Promise<void>;
}

/** Where the page's kernels see their files, and people are told that they do. */
export const MOUNTPOINT = '/drive';

export class FilesPanel {
  private readonly list = el('ul', { 'aria-label': 'Files' });
  private readonly where = el('span', { class: 'where' });
  private readonly note = el('p', { class: 'note', role: 'status' });
  private readonly chooser = el('input', {
    type: 'file',
    multiple: true,
    hidden: true,
    'aria-label': 'Files to upload',
  });
  private readonly panel: HTMLElement;
  readonly element: HTMLDetailsElement;
  private folder = '';

  constructor(private readonly open: () => Promise<FileStore>) {
    const upload = button('Upload', () => this.chooser.click());
    const refresh = button('Refresh', () => void this.refresh());
    const bar = el('div', { class: 'bar' }, this.where, upload, refresh, this.chooser);
    this.panel = el('div', { class: 'panel' }, bar, this.list, this.note);
    this.element = el('details', { class: 'drive' }, el('summary', {}, `Files on ${MOUNTPOINT}`), this.panel);
    this.element.addEventListener('toggle', () => void this.refresh());
    this.chooser.addEventListener('change', () => void this.upload([...(this.chooser.files ?? [])]));
    this.acceptDrops();
  }

  /** Show what is there now; the kernel may have written. */
  refresh(): Promise<void> {
    return this.element.open ? this.attempt('the list cannot be read', () => this.show()) : Promise.resolve();
  }

  private async show(): Promise<void> {
    const { content } = await (await this.open()).get(this.folder, { content: true });
    const models = [...(content as ContentsModel[])].sort(
      (one, other) => rank(one) - rank(other) || one.name.localeCompare(other.name)
    );
    this.where.textContent = this.folder ? `${MOUNTPOINT}/${this.folder}` : MOUNTPOINT;
    const up = this.folder
      ? [
          el(
            'li',
            {},
            button('..', () => this.enter(parent(this.folder)), { title: 'Folder above' })
          ),
        ]
      : [];
    this.list.replaceChildren(...up, ...models.map(model => this.row(model)));
    this.note.textContent = models.length === 0 ? 'There are no files yet. Drop some here, or upload them.' : '';
  }

  private row(model: ContentsModel): HTMLElement {
    const isFolder = model.type === 'directory';
    const name = isFolder
      ? button(`${model.name}/`, () => this.enter(model.path))
      : button(model.name, () => void this.download(model), { title: `Download ${model.name}` });
    const remove = button('×', () => void this.remove(model), { class: 'close', 'aria-label': `Delete ${model.name}` });
    const size = isFolder ? '' : bytesText(model.size ?? 0);
    return el('li', {}, name, el('span', { class: 'size' }, size), remove);
  }

  private enter(folder: string): void {
    this.folder = folder;
    void this.refresh();
  }

  private upload(files: readonly File[]): Promise<void> {
    return this.attempt('the upload failed', async () => {
      const store = await this.open();
      for (const file of files) {
        await store.write(
          this.folder ? `${this.folder}/${file.name}` : file.name,
          new Uint8Array(await file.arrayBuffer())
        );
      }
      this.chooser.value = '';
      await this.show();
    });
  }

  private download({ path, name }: ContentsModel): Promise<void> {
    return this.attempt('the download failed', async () => {
      const data = await (await this.open()).read(path);
      const url = URL.createObjectURL(new Blob([data as Uint8Array<ArrayBuffer>]));
      const link = el('a', { href: url, download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    });
  }

  private async remove({ path, name, type }: ContentsModel): Promise<void> {
    const what = type === 'directory' ? `the folder "${name}" and all that is in it` : `"${name}"`;
    if (confirm(`Delete ${what}?`)) {
      await this.attempt('it was not deleted', async () => {
        await (await this.open()).delete(path);
        await this.show();
      });
    }
  }

  private async attempt(what: string, action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.note.textContent = `${what}: ${describe(error)}`;
    }
  }

  private acceptDrops(): void {
    this.panel.addEventListener('dragover', event => {
      event.preventDefault();
      this.panel.classList.add('over');
    });
    this.panel.addEventListener('dragleave', () => this.panel.classList.remove('over'));
    this.panel.addEventListener('drop', event => {
      event.preventDefault();
      this.panel.classList.remove('over');
      void this.upload([...(event.dataTransfer?.files ?? [])]);
    });
  }
}

/** Folders come first. */
function rank({ type }: ContentsModel): number {
  return type === 'directory' ? 0 : 1;
}

function parent(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
