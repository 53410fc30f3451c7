/**
 * Stands in for @lumino/coreutils when the worker is built: DriveFS takes one function from it, for the service-worker
 * client of its own, which ours replaces; the library would be two thirds of what the drive adds to the worker.
 */
export const UUID = { uuid4: (): string => crypto.randomUUID() };
