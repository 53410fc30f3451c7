#!/bin/sh
exec @TOOL@ "$@"
