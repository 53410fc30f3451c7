/** The bridge of pyjs: what the network layer's Python, which every family has, finds as `lite_env_bridge`. */
import { bridgeHost, type KernelNetwork } from '../../network/kernel';
import type { Surroundings } from '../runtime';
import type { EmscriptenModule } from './emscripten';
import { explain } from './explain';

const PLACE = 'lite_env_network';

const BRIDGE = `
def _lite_env_network():
    import sys, types, pyjs

    host = pyjs.js.globalThis.${PLACE}
    bridge = types.ModuleType("lite_env_bridge")
    to_js, to_py = pyjs.buffer_to_js_typed_array, pyjs.to_py

    def call(name):
        # Looked up at each call: a function that is held cannot be found again by a kernel that is restored.
        return lambda *arguments: getattr(host, name)(*arguments)

    send, take = call("open"), call("take")
    bridge.open = lambda method, url, headers, body, limit: send(method, url, headers, to_js(body) if body else "", limit)
    bridge.take = lambda number: bytes(to_py(take(number)))
    bridge.wait, bridge.close, bridge.nap = call("wait"), call("close"), call("nap")
    bridge.interrupted, bridge.source = call("interrupted"), call("source")
    sys.modules["lite_env_bridge"] = bridge
    start = types.ModuleType("lite_env_network_start")
    exec(compile(bridge.source("start"), "<lite_env>/start.py", "exec"), vars(start))
    start.start()

_lite_env_network()
del _lite_env_network
`;

/** Let programs of a started kernel ask servers, if it is one with pyjs; what fails of it is said, and ends no start. */
export function installNetwork(
  module: EmscriptenModule,
  { scope, network, print }: Pick<Surroundings, 'scope' | 'network' | 'print'>
): void {
  if (!module.exec || !module.pyobject) {
    return;
  }
  showNetwork(scope, network);
  try {
    module.exec(BRIDGE);
  } catch (error) {
    print('stderr', `programs of this kernel cannot ask servers: ${explain(module, error)}`);
  }
}

/** What a kernel calls whose bridge is there. */
export function showNetwork(scope: object, network: KernelNetwork): void {
  Object.assign(scope, { [PLACE]: bridgeHost(network) });
}
