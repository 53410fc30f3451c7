import type { Phase } from '../protocol';
import { sha256Hex } from './digest';
import { plainOf } from './plain';
import { release } from '../release';
import type { Source } from './source';
import { verify, type Compressed } from './verify';
import { compile } from './wasm';
import { Zstd } from './zstd';

/** A file, inflated, whose check may be under way. */
export interface Here {
  readonly bytes: Uint8Array;
  readonly isRight: Promise<boolean>;
}

/** Checked and inflated files of the pack; the decoder is made ready while the first of them is under way. */
export class Inflater {
  readonly zstd = new Zstd();
  private readonly ready = this.zstd.init();

  /** `elsewhere` has some files by their digests; it says at once where it has none. */
  constructor(
    private readonly source: Source,
    private readonly elsewhere: (digest: string) => Promise<Here | null> | null = () => null
  ) {}

  /** Where it has to be fetched, it is asked for at once. */
  read(file: Compressed, phase: Phase): Promise<Uint8Array> {
    const here = this.elsewhere(file.digest);
    return here ? this.readHere(here, file, phase) : this.fetch(file, phase);
  }

  /** The same for who comes later, told to nobody who shows progress. */
  async again(file: Compressed): Promise<Uint8Array> {
    const { transport } = this.source;
    const kept = await transport.kept?.(plainOf(file).path);
    if (kept && (await sha256Hex(kept)) === file.digest) {
      return kept;
    }
    const [data] = await Promise.all([transport.read(file.path), this.ready]);
    await verify(data, file);
    return this.zstd.decode(data, file.rawSize, file.path);
  }

  private async readHere(coming: Promise<Here | null>, file: Compressed, phase: Phase): Promise<Uint8Array> {
    const here = await coming;
    if (!here || !(await here.isRight)) {
      return this.fetch(file, phase);
    }
    this.source.here(file, phase);
    return here.bytes;
  }

  /** Compiled beside the check, which alone decides. */
  private async moduleHere(coming: Promise<Here | null>, file: Compressed, phase: Phase): Promise<WebAssembly.Module | null> {
    const here = await coming;
    const compiled = here && compile(here.bytes, file.path).catch(() => null);
    if (!here || !(await here.isRight)) {
      return null;
    }
    this.source.here(file, phase);
    return compiled;
  }

  private async fetch(file: Compressed, phase: Phase): Promise<Uint8Array> {
    const [data] = await Promise.all([this.source.read(file, phase), this.ready]);
    return this.zstd.decode(data, file.rawSize, file.path);
  }

  /** A compiled module: as an earlier visit left it, or from its file, which is then kept as the next one needs it. */
  async module(file: Compressed, phase: Phase): Promise<WebAssembly.Module> {
    const coming = this.elsewhere(file.digest);
    const here = coming && (await this.moduleHere(coming, file, phase));
    if (here) {
      return here;
    }
    const kept = await this.source.module(file, phase);
    if (kept) {
      return kept;
    }
    const inflate = async (data: Uint8Array) => {
      await this.ready;
      return this.zstd.decode(data, file.rawSize, file.path);
    };
    const raw = await this.fetch({ ...file, keepAs: { ...plainOf(file), inflate } }, phase);
    const module = await compile(raw, file.path);
    release(raw);
    return module;
  }
}
