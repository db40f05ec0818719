"""x"""
SABOTAGES = ()
