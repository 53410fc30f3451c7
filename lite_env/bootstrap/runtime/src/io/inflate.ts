import type { Phase } from '../protocol';
import { sha256Hex } from './digest';
import { plainOf } from './plain';
import { release } from '../release';
import type { Source } from './source';
import { verify, type Compressed } from './verify';
import { compile } from './wasm';
import { Zstd } from './zstd';

/** Checked and inflated files of the pack; the decoder is made ready while the first of them is under way. */
export class Inflater {
  readonly zstd = new Zstd();
  private readonly ready = this.zstd.init();

  /** `elsewhere` has some files by their digests, checked; it says at once where it has none. */
  constructor(
    private readonly source: Source,
    private readonly elsewhere: (digest: string) => Promise<Uint8Array | null> | null = () => null
  ) {}

  /** Where it has to be fetched, it is asked for at once. */
  read(file: Compressed, phase: Phase): Promise<Uint8Array> {
    const coming = this.here(file, phase);
    return coming ? coming.then(here => here ?? this.fetch(file, phase)) : this.fetch(file, phase);
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

  /** What is elsewhere in the place of a file, and under another name than its digest where one is given. */
  here(file: Compressed, phase: Phase, name = file.digest): Promise<Uint8Array | null> | null {
    const coming = this.elsewhere(name);
    const told = (bytes: Uint8Array | null) => {
      if (bytes) {
        this.source.here(file, phase);
      }
      return bytes;
    };
    return coming && coming.then(told);
  }

  private async fetch(file: Compressed, phase: Phase): Promise<Uint8Array> {
    const [data] = await Promise.all([this.source.read(file, phase), this.ready]);
    return this.zstd.decode(data, file.rawSize, file.path);
  }

  /** A compiled module: as an earlier visit left it, or from its file, which is then kept as the next one needs it. */
  async module(file: Compressed, phase: Phase): Promise<WebAssembly.Module> {
    const coming = this.here(file, phase);
    const here = coming && (await coming);
    if (here) {
      return compile(here, file.path);
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
