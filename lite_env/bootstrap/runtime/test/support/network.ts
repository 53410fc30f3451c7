import assert from 'node:assert/strict';
import { KernelNetwork } from '../../src/network/kernel';

/** Of a kernel that asks nobody. */
export function noNetwork(): KernelNetwork {
  return new KernelNetwork(({ url }) => assert.fail(`${url} was asked`));
}

/** Of a host whose kernel asks nobody. */
export function unsent(request: { readonly url: string }): never {
  assert.fail(`${request.url} was asked`);
}
