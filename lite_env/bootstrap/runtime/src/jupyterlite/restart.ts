import type { App, ConnectedWidget } from './host-types';

/** Restart a kernel as its notebook or console does it: what waits there is given up. */
export async function restart(app: App, id: string): Promise<void> {
  const widgets = [...app.shell.widgets('main')] as ConnectedWidget[];
  const contexts = widgets.map(widget => widget.sessionContext ?? widget.console?.sessionContext);
  const connection = contexts.map(context => context?.session?.kernel).find(kernel => kernel?.id === id);
  await connection?.restart();
}
