"""SGD, Adam, RMSprop and learning rate schedules for corekit, one file each; importing this package imports none."""
