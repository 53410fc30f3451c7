from setuptools import Extension, setup

setup(ext_modules=[Extension("pendulum", ["pendulum.c"])])
