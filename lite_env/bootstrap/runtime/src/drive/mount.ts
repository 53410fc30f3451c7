import { BootError, describe, type Failure } from '../errors';
import type { FileSystemHost } from '../fs/emscripten';
import type { DriveSource } from '../protocol';
import type { LookupAnswer } from './api';
import { DriveError, type DriveChannel, type DriveEnvelope } from './channel';
import { LiteDriveFS, type LiteDriveOptions } from './drivefs';
import { SharedDriveChannel } from './shared';
import { XhrDriveChannel } from './xhr';

/** A drive with the place where its kernel sees it. */
export type MountedSource = DriveSource & { readonly mountpoint: string };

/** How the worker reaches the drive that it was told of. */
export function openChannel(source: DriveSource, post: (envelope: DriveEnvelope) => void): DriveChannel {
  return source.kind === 'xhr' ? new XhrDriveChannel(source) : new SharedDriveChannel(source.buffer, post);
}

/**
 * Show a drive in the module's file system. The drive is asked for its root first: one that cannot be reached ends the
 * start with the reason, instead of failing under a program's hands.
 */
export function mountDrive(
  module: FileSystemHost,
  source: MountedSource,
  channel: DriveChannel,
  onTrouble: (failure: Failure | null) => void
): LiteDriveFS {
  const { mountpoint, driveName } = source;
  const options: LiteDriveOptions = {
    FS: module.FS as never,
    PATH: (module.PATH ?? PATH) as never,
    ERRNO_CODES: module.ERRNO_CODES,
    baseUrl: '',
    driveName,
    mountpoint,
    channel,
    onTrouble: error => onTrouble(error && failureOf(mountpoint, error)),
  };
  const drive = new LiteDriveFS(options);
  const problem = check(drive, channel, mountpoint);
  if (problem) {
    throw new BootError('DriveFailed', problem, {
      hint: 'see that the drive exists and lets this page in; the kernel also starts without a drive',
    });
  }
  module.FS.mkdirTree(mountpoint);
  module.FS.mount?.(drive, {}, mountpoint);
  drive.names.watch();
  return drive;
}

/** Why the root cannot be shown; null when it can. */
function check(drive: LiteDriveFS, channel: DriveChannel, mountpoint: string): string | null {
  try {
    const path = drive.API.normalizePath(mountpoint);
    const answer = channel.ask({ method: 'lookup', path }) as LookupAnswer | null;
    drive.API.greet(answer);
    return answer?.ok ? null : `${mountpoint} refused: the drive has no folder "${path}"`;
  } catch (error) {
    return `${mountpoint} refused: ${error instanceof DriveError ? error.message : describe(error)}`;
  }
}

function failureOf(mountpoint: string, error: DriveError): Failure {
  return {
    name: 'DriveFailed',
    message: `${mountpoint} is out of reach: ${error.message}`,
    file: mountpoint,
    hint: 'reads and writes fail with EIO until the drive answers again; the kernel goes on',
  };
}

/** Emscripten's own, for kernels that do not export it. */
const PATH = {
  join: (...parts: string[]) => normalize(parts.join('/')),
  join2: (left: string, right: string) => normalize(`${left}/${right}`),
};

function normalize(path: string): string {
  const parts = path.split('/').filter(part => part !== '' && part !== '.');
  return (path.startsWith('/') ? '/' : '') + parts.join('/');
}
