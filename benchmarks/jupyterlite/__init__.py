"""What a kernel costs in JupyterLite: lite_env beside jupyterlite-xeus, less what JupyterLite itself takes."""
