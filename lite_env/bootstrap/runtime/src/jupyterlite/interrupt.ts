/** JupyterLite's client never hands an interrupt to a kernel: it is taken for ours before it gets there. */
import type { KernelClient } from './host-types';
import type { LiteKernel } from './kernel';

export function takeInterrupts(
  client: KernelClient,
  kernelOf: (id: string) => LiteKernel | undefined,
  refused: (kernel: LiteKernel) => void
): void {
  const others = client.interrupt.bind(client);
  client.interrupt = async id => {
    const kernel = kernelOf(id);
    if (!kernel) {
      return others(id);
    }
    if (kernel.canInterrupt) {
      kernel.interrupt();
    } else if (kernel.isBusy) {
      refused(kernel);
    }
  };
}
