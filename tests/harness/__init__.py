"""What the Python tests share: paths, a kernel client that sees every message, JupyterLab and a browser."""
