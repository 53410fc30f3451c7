/** The envelopes between a host (page, Node, JupyterLite) and the worker that runs the kernel. */
import type { Failure } from './errors';

/** A Jupyter message as it goes through `postMessage`; buffers are binary. */
export interface JupyterMessage {
  header: { msg_id: string; msg_type: string; session: string; [key: string]: unknown };
  parent_header: Record<string, unknown>;
  metadata: Record<string, unknown>;
  content: Record<string, unknown>;
  channel: string;
  buffers?: ArrayBuffer[] | ArrayBufferView[];
}

/** How a blocked worker is reached: memory that both sides see. */
export interface SharedChannels {
  /** One byte; a 2 written into it is SIGINT. */
  readonly interrupt: SharedArrayBuffer;
  /** State, length and UTF-8 JSON of the answer to an `input_request`; see kernel/input.ts. */
  readonly input: SharedArrayBuffer;
}

export type Phase = 'manifest' | 'index' | 'kernel' | 'archive' | 'interpreter' | 'ready';

/** What the start has moved so far. */
export interface Figures {
  /** Files asked for, from whatever cache they came. */
  readonly requests: number;
  /** Bytes of those files, as they lie in the pack (before any HTTP compression). */
  readonly bytes: number;
  /** Files of the environment's tree whose contents were needed. */
  readonly files: number;
  /** Seconds since the start. */
  readonly seconds: number;
}

export type ToWorker =
  | {
      readonly type: 'start';
      /** URL of manifest.json (browser), or the pack's folder (Node). */
      readonly manifest: string;
      readonly kernel?: string | null;
      /** Further environment variables; they win over the pack's. */
      readonly env?: Readonly<Record<string, string>>;
      readonly shared?: SharedChannels | null;
    }
  | { readonly type: 'message'; readonly message: JupyterMessage }
  | { readonly type: 'figures' };

export type FromWorker =
  | {
      readonly type: 'progress';
      readonly phase: Phase;
      readonly file: string;
      readonly loaded: number;
      readonly total: number;
    }
  | { readonly type: 'ready'; readonly kernel: string; readonly figures: Figures }
  | { readonly type: 'figures'; readonly figures: Figures }
  | { readonly type: 'message'; readonly message: JupyterMessage }
  | { readonly type: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly text: string }
  | { readonly type: 'error'; readonly error: Failure; readonly fatal: boolean };

export type Emit = (envelope: FromWorker) => void;
