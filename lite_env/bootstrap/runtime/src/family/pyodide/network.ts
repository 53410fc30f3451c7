/** The bridge of Pyodide: what the network layer's Python, which every family has, finds as `lite_env_bridge`. */
import { describe } from '../../errors';
import type { Surroundings } from '../runtime';
import type { Pyodide, PythonObject } from './pyodide';

const BRIDGE = `
def install(host):
    import sys, types
    from pyodide.ffi import to_js
    from pyodide.webloop import WebLoop

    bridge = types.ModuleType("lite_env_bridge")
    bridge.open = lambda method, url, headers, body, limit: host.open(
        method, url, headers, to_js(body) if body else None, limit
    )
    bridge.take = lambda number: host.take(number).to_bytes()
    bridge.wait, bridge.close, bridge.nap = host.wait, host.close, host.nap
    bridge.interrupted, bridge.source = host.interrupted, host.source
    sys.modules["lite_env_bridge"] = bridge
    start = types.ModuleType("lite_env_network_start")
    exec(compile(bridge.source("start"), "<lite_env>/start.py", "exec"), vars(start))
    start.start(WebLoop)
`;

/** Let programs of a started kernel ask servers; what fails of it is said, and ends no start. */
export function installNetwork(pyodide: Pyodide, host: object, print: Surroundings['print']): void {
  const names = pyodide.toPy({});
  try {
    pyodide.runPython(BRIDGE, { globals: names, filename: '<lite_env>/bridge.py' });
    const install = names.get('install') as ((host: object) => void) & PythonObject;
    install(host);
    install.destroy();
  } catch (error) {
    print('stderr', `programs of this kernel cannot ask servers: ${describe(error)}`);
  } finally {
    names.destroy();
  }
}
