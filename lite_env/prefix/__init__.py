"""Packages on disk: fetched, verified, installed; kernels found and ABIs checked."""
