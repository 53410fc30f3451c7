import type { Phase } from '../protocol';
import { plainOf } from './plain';
import { release } from '../release';
import type { Source } from './source';
import type { Compressed } from './verify';
import { compile } from './wasm';
import { Zstd } from './zstd';

/** Checked and inflated files of the pack; the decoder is made ready while the first of them is under way. */
export class Inflater {
  readonly zstd = new Zstd();
  private readonly ready = this.zstd.init();

  constructor(private readonly source: Source) {}

  async read(file: Compressed, phase: Phase): Promise<Uint8Array> {
    const [data] = await Promise.all([this.source.read(file, phase), this.ready]);
    return this.zstd.decode(data, file.rawSize, file.path);
  }

  /** A compiled module: as an earlier visit left it, or from its file, which is then kept as the next one needs it. */
  async module(file: Compressed, phase: Phase): Promise<WebAssembly.Module> {
    const kept = await this.source.module(file, phase);
    if (kept) {
      return kept;
    }
    const inflate = async (data: Uint8Array) => {
      await this.ready;
      return this.zstd.decode(data, file.rawSize, file.path);
    };
    const raw = await this.read({ ...file, keepAs: { ...plainOf(file), inflate } }, phase);
    const module = await compile(raw, file.path);
    release(raw);
    return module;
  }
}
