/**
 * The seam to the installer: what `%pip`, `%conda` and their like do is in a script of its own, which is loaded when a cell
 * first holds such a line.
 */
import { describe } from '../errors';
import type { Installation } from '../kernel/installation';
import type { StreamName } from '../kernel/output';

/** A cell that may hold commands that install something. */
export interface InstallCell {
  readonly code: string;
  readonly kernel: Installation;
  /** Write to a stream of the cell. */
  say(name: StreamName, text: string): void;
  /** Aborted when the cell is interrupted. */
  readonly signal: AbortSignal;
  /** Start a script of the runtime as a worker of its own. */
  start(script: string): Helper;
}

/** A worker that helps an installer, as both platforms have it. */
export interface Helper {
  postMessage(message: unknown): void;
  addEventListener(
    type: 'message' | 'error',
    listener: (event: { readonly data?: unknown; readonly message?: string }) => void
  ): void;
  terminate(): unknown;
}

export interface Installer {
  /**
   * Do what the cell's commands ask for; resolves to the code that is left for the kernel.
   *
   * @throws Refusal in other words than the kernel's.
   */
  run(cell: InstallCell): Promise<string>;
}

/** What the queue gives: where scripts are, it does not know. */
export interface LoadedInstaller {
  run(cell: Omit<InstallCell, 'start'>): Promise<string>;
}

/** Why a cell does not go on, as installers throw it: they are another script, with classes of their own. */
export interface Refusal {
  readonly message: string;
  readonly hint?: string | null;
}

/** Loads the installer; one that could not be loaded is asked for anew. */
export type LoadInstaller = () => Promise<LoadedInstaller>;

/** Where the script leaves its installer: no kind of worker hands over what another script made. */
export const PLACE = 'liteEnvInstaller';

const PYTHON = String.raw`(?:(?:\{sys\.executable\}|python[\d.]*)\s+-m\s+)?`;
const MAY_INSTALL = new RegExp(String.raw`^(?:[%!]\s*)?${PYTHON}(?:pip[\d.]*|conda|(?:micro)?mamba)\s+[\w-]`, 'm');

/** Whether the installer is to look at a cell; no cell without a command should need its script. */
export function mayInstall(code: string): boolean {
  return MAY_INSTALL.test(code);
}

/** The reply to a cell whose command failed. */
export function refused(error: unknown, execution_count: number): Record<string, unknown> {
  const ename = 'InstallFailed';
  const { message: evalue = describe(error), hint } = (error ?? {}) as Partial<Refusal>;
  const traceback = [`${ename}: ${evalue}`, ...(hint ? [`hint: ${hint}`] : [])];
  return { status: 'error', ename, evalue, traceback, execution_count };
}

/** Loads the script at `address` by `evaluate`, in which it leaves its installer in the global scope. */
export async function loadInstaller(
  address: string,
  evaluate: (address: string) => unknown,
  begin: (address: string) => Helper
): Promise<LoadedInstaller> {
  const scope = globalThis as unknown as Record<string, Installer | undefined>;
  if (!scope[PLACE]) {
    try {
      await evaluate(address);
    } catch (cause) {
      throw Object.assign(new Error(`the installer "${address}" cannot be loaded: ${describe(cause)}`), {
        hint: 'it is fetched when it is first used: see that there is a network, and that the whole folder of the runtime is deployed',
      });
    }
  }
  const installer = scope[PLACE] as Installer;
  return { run: cell => installer.run({ ...cell, start: script => begin(new URL(script, address).href) }) };
}
