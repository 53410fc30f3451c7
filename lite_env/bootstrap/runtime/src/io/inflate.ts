import type { Phase } from '../protocol';
import type { Source } from './source';
import type { Compressed } from './verify';
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
}
