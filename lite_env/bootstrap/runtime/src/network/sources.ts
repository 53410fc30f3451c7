/** The Python half of the network layer, as text: modules of the package `lite_env_network`. */
import init from './python/lite_env_network/__init__.py';
import clients from './python/lite_env_network/clients.py';
import errors from './python/lite_env_network/errors.py';
import exchange from './python/lite_env_network/exchange.py';
import files from './python/lite_env_network/files.py';
import finding from './python/lite_env_network/finding.py';
import functions from './python/lite_env_network/functions.py';
import https from './python/lite_env_network/https.py';
import loop from './python/lite_env_network/loop.py';
import nolzma from './python/lite_env_network/nolzma.py';
import nothing from './python/lite_env_network/nothing.py';
import settings from './python/lite_env_network/settings.py';
import sockets from './python/lite_env_network/sockets.py';
import start from './python/lite_env_network/start.py';
import tls from './python/lite_env_network/tls.py';
import watch from './python/lite_env_network/watch.py';
import wire from './python/lite_env_network/wire.py';

export const sources: Readonly<Record<string, string>> = {
  __init__: init,
  clients,
  errors,
  exchange,
  files,
  finding,
  functions,
  https,
  loop,
  nolzma,
  nothing,
  settings,
  sockets,
  start,
  tls,
  watch,
  wire,
};
