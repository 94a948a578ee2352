"""SGD, Adam and RMSprop for corekit, one file each; importing this package imports none of them."""
