"""Generated kernels, one package a cell; written by `derive generate`, never by hand."""
