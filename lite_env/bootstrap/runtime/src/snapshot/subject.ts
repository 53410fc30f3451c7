/** What is started: what snapshots of it are kept under. */
import { FORMAT, type Files } from './form';
import { keyOf, wasmFeatures, type Key } from './key';

declare const LITE_ENV_RUNTIME: string;

/** A kernel that is about to start. */
export interface Subject {
  /** Address of the pack, and the kernel. */
  readonly place: string;
  readonly parts: Readonly<Record<string, string>>;
  /** Modules that it is to have imported. */
  readonly preload: readonly string[];
  /** The manifest's digest vouches for all that is in the pack. */
  pack(): Promise<string>;
  /** Digest of the environment's files alone: the manifest names the snapshot that the pack brings, which cannot name the manifest. */
  content(): Promise<string>;
  /** Text of the kernel's script. */
  script(): Promise<string>;
  /** What a restored kernel reads of the pack, the most worthwhile first: its own files, and libraries at these absolute paths. */
  files(libraries: readonly string[]): Promise<Files>;
  /** Reads the snapshot that the pack brings, checked and inflated; null where it brings none. */
  readonly shipped: (() => Promise<Uint8Array>) | null;
}

/** Which pack, and by which runtime: what an older one left is of no use. */
export async function packOf(subject: Subject): Promise<string> {
  return `${await subject.pack()} ${LITE_ENV_RUNTIME}`;
}

/** Of one that the visitor's own machine makes. */
export async function ownKey(subject: Subject): Promise<Key> {
  return keyOf({ ...common(subject), pack: await subject.pack(), features: wasmFeatures() });
}

/** Of one that a pack brings; `features` are those that its script asks for. */
export async function shippedKey(subject: Subject, features: string): Promise<Key> {
  return keyOf({ ...common(subject), content: await subject.content(), features });
}

function common({ parts }: Subject): Record<string, string> {
  return { ...parts, format: String(FORMAT), runtime: LITE_ENV_RUNTIME };
}
