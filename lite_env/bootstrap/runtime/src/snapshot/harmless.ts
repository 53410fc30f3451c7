/** What front ends ask of a kernel before its user does anything, and leaves nothing behind in it. */
export const HARMLESS: ReadonlySet<string> = new Set(['kernel_info_request', 'comm_info_request', 'history_request']);
