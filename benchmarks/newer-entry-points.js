
// What jupyterlite-xeus 5.1 calls and a kernel of 2023 does not have: its two entry points, made of the older one.
// The older one makes the folder of site-packages without looking whether it is there; today's front end made it before.
{
  const create = createXeusModule;
  createXeusModule = async options => {
    const module = await create(options);
    module.init_phase_1 = async (prefix, version) => {
      const { FS } = module;
      const mkdir = FS.mkdir;
      FS.mkdir = (path, mode) => (FS.analyzePath(path).exists ? undefined : mkdir.call(FS, path, mode));
      try {
        await module.init(prefix, version.slice(0, 2));
      } finally {
        FS.mkdir = mkdir;
      }
    };
    module.init_phase_2 = () => undefined;
    return module;
  };
}
