import { ZSTDDecoder } from 'zstddec';
import { because, BootError } from '../errors';

const BROKEN = 'the pack is broken: make it again';

/** zstd that decodes while the caller blocks, as a read inside the kernel must. */
export class Zstd {
  private readonly decoder = new ZSTDDecoder();

  /** Compile the decoder; to be awaited once before `decode`. */
  async init(): Promise<void> {
    await this.decoder.init();
  }

  /** Inflate `data`, which must become exactly `rawSize` bytes. */
  decode(data: Uint8Array, rawSize: number, path: string): Uint8Array {
    let raw: Uint8Array;
    try {
      raw = this.decoder.decode(data, rawSize);
    } catch (cause) {
      throw because(cause, 'Undecodable', `"${path}" cannot be inflated`, { file: path, hint: BROKEN });
    }
    if (raw.length !== rawSize) {
      throw new BootError('Undecodable', `"${path}" does not inflate to the ${rawSize} bytes the manifest says`, {
        file: path,
        hint: BROKEN,
      });
    }
    return raw;
  }
}
