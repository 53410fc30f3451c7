// Evaluated in a page of JupyterLite: runs the cell `at` of the notebook at `path`, the first one as soon as the
// notebook has a session, and tells when that was and when the cell was done, in milliseconds since the page's opening.
async (path, at) => {
  const until = async find => {
    for (;;) {
      const found = find();
      if (found) {
        return found;
      }
      await new Promise(resolve => setTimeout(resolve, 5));
    }
  };
  const panel = await until(() => {
    const widget = globalThis.jupyterapp?.shell?.currentWidget;
    return widget?.context?.path === path && widget;
  });
  await panel.context.ready;
  await panel.sessionContext.ready;
  const asked = performance.now();
  panel.content.activeCellIndex = at;
  await jupyterapp.commands.execute('notebook:run-cell');
  const answered = performance.now();
  return { asked, answered, text: JSON.stringify(panel.content.widgets[at].model.outputs.toJSON()) };
}
