"""What corekit's `fit` costs against torch loops and other libraries; `make bench` runs it. See README.md."""
