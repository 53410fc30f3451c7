import type { FileSystemHost } from '../fs/emscripten';

/** The streams of Jupyter, by descriptor. */
const DESCRIPTORS = { stdout: 1, stderr: 2 } as const;

export type StreamName = keyof typeof DESCRIPTORS;

/**
 * Take what was written to a descriptor behind its last line end: Emscripten's terminal hands over whole lines, and would
 * keep the rest for whoever ends the line. Kernels without a file system keep it to themselves.
 */
export function takeUnfinishedLine(files: FileSystemHost | null, name: StreamName): string {
  const terminal = files?.FS.streams?.[DESCRIPTORS[name]]?.tty;
  if (!terminal?.output?.length) {
    return '';
  }
  const bytes = Uint8Array.from(terminal.output);
  terminal.output = [];
  return new TextDecoder().decode(bytes);
}
