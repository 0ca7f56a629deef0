"""Labs are brought up, looked at, unplugged and taken down here, whatever their hosts are."""
